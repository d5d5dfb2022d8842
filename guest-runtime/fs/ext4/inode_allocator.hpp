// SPDX-License-Identifier: Apache-2.0
// Hands out and takes back inode numbers, and finds an inode's place in the table.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/ext4/block_allocator.hpp"

namespace husk::fs::ext4 {

// An inode's bytes in the buffer of its table's block.
struct InodePlace {
    block::BufferRef buffer;
    std::uint32_t offset = 0;
    std::uint32_t size_bytes = 0;

    [[nodiscard]] Bytes bytes() const { return buffer->bytes().subspan(offset, size_bytes); }
};

class InodeAllocator {
public:
    static constexpr std::uint32_t credits = 3;  // what allocate() and release() modify

    InodeAllocator(const Superblock& superblock, block::BufferCache& cache, GroupTable& groups, BlockAllocator& blocks)
        : superblock_(superblock), cache_(cache), groups_(groups), blocks_(blocks) {}

    // In the parent's group or near it; directories where there is most room. ENOSPC.
    Result<std::uint32_t> allocate(journal::Handle& handle, std::uint32_t parent, bool is_directory);
    // EUCLEAN: the number was free.
    Result<> release(journal::Handle& handle, std::uint32_t number, bool is_directory);
    // EUCLEAN for a number that cannot be.
    Result<InodePlace> find(std::uint32_t number);
    // Whether the bitmap says that there is such an inode.
    Result<bool> is_taken(std::uint32_t number);

    [[nodiscard]] std::uint32_t group_of(std::uint32_t number) const {
        return (number - 1) / superblock_.inodes_per_group;
    }

private:
    Result<block::BufferRef> bitmap_of(std::uint32_t group);
    Result<> store_bitmap(journal::Handle& handle, std::uint32_t group, block::Buffer& bitmap);
    [[nodiscard]] std::uint32_t group_for_directory(std::uint32_t parent_group);
    Result<std::uint32_t> take_in(journal::Handle& handle, std::uint32_t group, bool is_directory);

    const Superblock& superblock_;
    block::BufferCache& cache_;
    GroupTable& groups_;
    BlockAllocator& blocks_;
};

}  // namespace husk::fs::ext4
