// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/attribute_store.hpp"

#include "guest-runtime/fs/ext4/node.hpp"

namespace husk::fs::ext4 {

namespace {

constexpr std::size_t magic_bytes = 4;

std::uint32_t references_of(block::Buffer& buffer) { return load<std::uint32_t>(buffer.bytes(), 4); }

}  // namespace

// Behind the magic number that stands in front of an inode's own attributes.
Bytes AttributeStore::in_inode(Bytes inode, Node& node) const {
    std::size_t offset = base_inode_bytes + node.record().extra_bytes + magic_bytes;
    bool fits = inode.size() > base_inode_bytes && offset + magic_bytes <= inode.size();
    return fits ? inode.subspan(offset) : Bytes();
}

Result<block::BufferRef> AttributeStore::block_of(std::uint64_t block) {
    if (!volume_.groups().zone().allows(block)) return Errno::euclean;
    block::BufferRef buffer = HUSK_TRY(volume_.cache().get(block));
    HUSK_TRY(parse_attribute_block(buffer->bytes(), block, volume_.superblock()));
    return buffer;
}

Result<> AttributeStore::load(Node& node, AttributeList& to) {
    InodePlace place = HUSK_TRY(volume_.inodes().find(node.number()));
    Bytes table = in_inode(place.bytes(), node);
    std::size_t magic_at = base_inode_bytes + node.record().extra_bytes;
    if (!table.empty() && ext4::load<std::uint32_t>(place.bytes(), magic_at) == attribute_magic) {
        HUSK_TRY(to.decode(table, table));
    }
    std::uint64_t block = node.record().attribute_block;
    if (block == 0) return {};
    Guard guard(lock_);
    block::BufferRef buffer = HUSK_TRY(block_of(block));
    return to.decode(buffer->bytes().subspan(AttributeBlockHeader::bytes), buffer->bytes());
}

Result<block::BufferRef> AttributeStore::own_block(journal::Handle& handle, Node& node) {
    std::uint64_t old = node.record().attribute_block;
    if (old != 0) {
        block::BufferRef buffer = HUSK_TRY(block_of(old));
        if (references_of(*buffer) == 1) {
            HUSK_TRY(handle.modify(*buffer));
            return buffer;
        }
    }
    std::uint64_t goal = volume_.superblock().group_start(volume_.inodes().group_of(node.number()));
    BlockRange range = HUSK_TRY(volume_.blocks().allocate(handle, goal, 1, BlockAllocator::Claim::ordinary));
    block::BufferRef fresh = HUSK_TRY(volume_.cache().fresh(range.first));
    HUSK_TRY(handle.modify(*fresh));
    if (old != 0) HUSK_TRY(release_block(handle, node));
    node.update([&](InodeRecord& record) { record.attribute_block = range.first; });
    node.count_blocks(1);
    return fresh;
}

Result<> AttributeStore::save(journal::Handle& handle, Node& node, AttributeList& list) {
    const Superblock& superblock = volume_.superblock();
    InodePlace place = HUSK_TRY(volume_.inodes().find(node.number()));
    Bytes table = in_inode(place.bytes(), node);
    auto scratch = HUSK_TRY(HeapArray<std::byte>::create(table.size() + superblock.block_bytes));
    Bytes inode_part = scratch.span().first(table.size());
    Bytes block_part = scratch.span().subspan(table.size(), superblock.block_bytes - AttributeBlockHeader::bytes);
    list.sort();
    list.forget_places();
    if (!inode_part.empty()) list.encode(inode_part, 0, false);
    bool needs_block = !list.all_placed();
    if (needs_block) list.encode(block_part, AttributeBlockHeader::bytes, true);
    if (!list.all_placed()) return Errno::enospc;

    Guard guard(lock_);
    if (needs_block) {
        block::BufferRef buffer = HUSK_TRY(own_block(handle, node));
        std::memcpy(buffer->bytes().data() + AttributeBlockHeader::bytes, block_part.data(), block_part.size());
        seal_attribute_block(buffer->bytes(), buffer->block(), 1, superblock);
    } else {
        HUSK_TRY(release_block(handle, node));
    }
    HUSK_TRY(handle.modify(*place.buffer));
    if (!table.empty()) {
        std::memcpy(table.data(), inode_part.data(), table.size());
        store<std::uint32_t>(place.bytes(), base_inode_bytes + node.record().extra_bytes, attribute_magic);
    }
    return node.store(handle);
}

Result<> AttributeStore::release_block(journal::Handle& handle, Node& node) {
    std::uint64_t block = node.record().attribute_block;
    if (block == 0) return {};
    {
        block::BufferRef buffer = HUSK_TRY(block_of(block));
        std::uint32_t references = references_of(*buffer);
        if (references > 1) {
            HUSK_TRY(handle.modify(*buffer));
            seal_attribute_block(buffer->bytes(), block, references - 1, volume_.superblock());
        } else {
            buffer = {};
            HUSK_TRY(handle.forget(block));
            HUSK_TRY(volume_.blocks().release(handle, {block, 1}));
        }
    }
    node.update([](InodeRecord& record) { record.attribute_block = 0; });
    node.count_blocks(-1);
    return {};
}

}  // namespace husk::fs::ext4
