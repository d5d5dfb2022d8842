// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/group_table.hpp"

namespace husk::fs::ext4 {

std::uint64_t GroupTable::block_of(std::uint32_t group) const {
    return superblock_.first_data_block + 1 + group / (superblock_.block_bytes / superblock_.descriptor_bytes);
}

Bytes GroupTable::bytes_in(block::Buffer& buffer, std::uint32_t group) const {
    std::uint32_t per_block = superblock_.block_bytes / superblock_.descriptor_bytes;
    std::size_t offset = std::size_t{group % per_block} * superblock_.descriptor_bytes;
    return buffer.bytes().subspan(offset, superblock_.descriptor_bytes);
}

Result<> GroupTable::read() {
    groups_ = HUSK_TRY(HeapArray<GroupDescriptor>::create(superblock_.group_count));
    damaged_ = HUSK_TRY(HeapArray<bool>::create(superblock_.group_count));
    std::uint64_t free_blocks = 0;
    std::uint32_t free_inodes = 0;
    block::BufferRef buffer;
    for (std::uint32_t group = 0; group < superblock_.group_count; ++group) {
        if (!buffer || buffer->block() != block_of(group)) buffer = HUSK_TRY(cache_.get(block_of(group)));
        groups_[group] = HUSK_TRY(parse_group(bytes_in(*buffer, group), group, superblock_));
        HUSK_TRY(zone_.add_group(group, groups_[group]));
        damaged_[group] = false;
        free_blocks += groups_[group].free_blocks;
        free_inodes += groups_[group].free_inodes;
    }
    free_blocks_.store(free_blocks, std::memory_order_relaxed);
    free_inodes_.store(free_inodes, std::memory_order_relaxed);
    return {};
}

Result<> GroupTable::store(journal::Handle& handle, std::uint32_t group) {
    block::BufferRef buffer = HUSK_TRY(cache_.get(block_of(group)));
    HUSK_TRY(handle.modify(*buffer));
    store_group(groups_[group], bytes_in(*buffer, group), group, superblock_);
    return {};
}

void GroupTable::change_free_blocks(std::uint32_t group, std::int64_t change) {
    groups_[group].free_blocks = static_cast<std::uint32_t>(groups_[group].free_blocks + change);
    free_blocks_.fetch_add(static_cast<std::uint64_t>(change), std::memory_order_relaxed);
}

void GroupTable::change_free_inodes(std::uint32_t group, std::int32_t change) {
    groups_[group].free_inodes =
        static_cast<std::uint32_t>(static_cast<std::int64_t>(groups_[group].free_inodes) + change);
    free_inodes_.fetch_add(static_cast<std::uint32_t>(change), std::memory_order_relaxed);
}

}  // namespace husk::fs::ext4
