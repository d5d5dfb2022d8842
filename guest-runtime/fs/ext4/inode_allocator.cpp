// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/inode_allocator.hpp"

#include <algorithm>

#include "guest-runtime/fs/ext4/bitmap.hpp"

namespace husk::fs::ext4 {

Result<block::BufferRef> InodeAllocator::bitmap_of(std::uint32_t group) {
    if (groups_.is_damaged(group)) return Errno::euclean;
    const GroupDescriptor& descriptor = groups_.at(group);
    auto bits = static_cast<std::uint32_t>(superblock_.block_bytes * 8);
    if ((descriptor.flags & group_flag::inode_uninit) != 0) {
        block::BufferRef buffer = HUSK_TRY(cache_.fresh(descriptor.inode_bitmap));
        std::memset(buffer->bytes().data(), 0, buffer->bytes().size());
        set_bits(buffer->bytes(), superblock_.inodes_per_group, bits - superblock_.inodes_per_group);
        return buffer;
    }
    block::BufferRef buffer = HUSK_TRY(cache_.get(descriptor.inode_bitmap));
    if (!buffer->is_verified()) {
        bool right = !superblock_.has_checksums() ||
                     inode_bitmap_checksum(buffer->bytes(), superblock_) == descriptor.inode_bitmap_checksum;
        if (!right || count_clear_bits(buffer->bytes(), superblock_.inodes_per_group) != descriptor.free_inodes) {
            groups_.set_damaged(group);
            return Errno::euclean;
        }
        buffer->set_verified();
    }
    return buffer;
}

Result<> InodeAllocator::store_bitmap(journal::Handle& handle, std::uint32_t group, block::Buffer& bitmap) {
    bitmap.set_verified();
    GroupDescriptor& descriptor = groups_.at(group);
    descriptor.flags &= static_cast<std::uint16_t>(~group_flag::inode_uninit);
    descriptor.inode_bitmap_checksum = inode_bitmap_checksum(bitmap.bytes(), superblock_);
    return groups_.store(handle, group);
}

Result<std::uint32_t> InodeAllocator::take_in(journal::Handle& handle, std::uint32_t group, bool is_directory) {
    GroupDescriptor& descriptor = groups_.at(group);
    block::BufferRef bitmap = HUSK_TRY(bitmap_of(group));
    std::uint32_t first = group == 0 ? superblock_.first_inode - 1 : 0;
    std::uint32_t bit = next_clear_bit(bitmap->bytes(), first, superblock_.inodes_per_group);
    if (bit == superblock_.inodes_per_group) return Errno::enospc;
    // e2fsck wants a group with inodes in use to have its block bitmap.
    HUSK_TRY(blocks_.initialise_group(handle, group));
    HUSK_TRY(handle.modify(*bitmap));
    set_bits(bitmap->bytes(), bit, 1);
    groups_.change_free_inodes(group, -1);
    if (is_directory) ++descriptor.directories;
    descriptor.unused_inodes = std::min(descriptor.unused_inodes, superblock_.inodes_per_group - bit - 1);
    HUSK_TRY(store_bitmap(handle, group, *bitmap));
    return group * superblock_.inodes_per_group + bit + 1;
}

// The next group with at least an average share of free inodes and blocks.
std::uint32_t InodeAllocator::group_for_directory(std::uint32_t parent_group) {
    std::uint32_t average_inodes = groups_.free_inodes() / superblock_.group_count;
    std::uint64_t average_blocks = groups_.free_blocks() / superblock_.group_count;
    for (std::uint32_t i = 0; i < superblock_.group_count; ++i) {
        std::uint32_t group = (parent_group + i) % superblock_.group_count;
        const GroupDescriptor& descriptor = groups_.at(group);
        if (descriptor.free_inodes == 0 || groups_.is_damaged(group)) continue;
        if (descriptor.free_inodes >= average_inodes && descriptor.free_blocks >= average_blocks) return group;
    }
    return parent_group;
}

Result<std::uint32_t> InodeAllocator::allocate(journal::Handle& handle, std::uint32_t parent, bool is_directory) {
    Guard guard(groups_.lock());
    std::uint32_t start = group_of(parent);
    if (is_directory) start = group_for_directory(start);
    for (std::uint32_t i = 0; i < superblock_.group_count; ++i) {
        std::uint32_t group = (start + i) % superblock_.group_count;
        if (groups_.at(group).free_inodes == 0 || groups_.is_damaged(group)) continue;
        auto taken = take_in(handle, group, is_directory);
        if (taken.ok() || (taken.error() != Errno::enospc && taken.error() != Errno::euclean)) return taken;
    }
    return Errno::enospc;
}

Result<> InodeAllocator::release(journal::Handle& handle, std::uint32_t number, bool is_directory) {
    if (!superblock_.is_inode(number)) return Errno::euclean;
    Guard guard(groups_.lock());
    std::uint32_t group = group_of(number);
    auto found = bitmap_of(group);
    if (!found.ok()) return found.error() == Errno::euclean ? Result<>() : found.error();
    block::BufferRef bitmap = std::move(found).value();
    std::uint32_t bit = (number - 1) % superblock_.inodes_per_group;
    if (!bit_is_set(bitmap->bytes(), bit)) return Errno::euclean;
    HUSK_TRY(handle.modify(*bitmap));
    clear_bits(bitmap->bytes(), bit, 1);
    groups_.change_free_inodes(group, 1);
    GroupDescriptor& descriptor = groups_.at(group);
    if (is_directory && descriptor.directories != 0) --descriptor.directories;
    return store_bitmap(handle, group, *bitmap);
}

Result<InodePlace> InodeAllocator::find(std::uint32_t number) {
    if (!superblock_.is_inode(number)) return Errno::euclean;
    std::uint32_t index = (number - 1) % superblock_.inodes_per_group;
    std::uint64_t offset = std::uint64_t{index} * superblock_.inode_bytes;
    std::uint64_t table = groups_.at(group_of(number)).inode_table;
    InodePlace place;
    place.buffer = HUSK_TRY(cache_.get(table + (offset >> superblock_.block_bits)));
    place.offset = static_cast<std::uint32_t>(offset & (superblock_.block_bytes - 1));
    place.size_bytes = superblock_.inode_bytes;
    return place;
}

Result<bool> InodeAllocator::is_taken(std::uint32_t number) {
    if (!superblock_.is_inode(number)) return Errno::euclean;
    Guard guard(groups_.lock());
    block::BufferRef bitmap = HUSK_TRY(bitmap_of(group_of(number)));
    return bit_is_set(bitmap->bytes(), (number - 1) % superblock_.inodes_per_group);
}

}  // namespace husk::fs::ext4
