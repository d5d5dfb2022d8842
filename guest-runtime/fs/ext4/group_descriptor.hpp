// SPDX-License-Identifier: Apache-2.0
// A group descriptor: where a block group's bitmaps and inode table lie, and how much of it is free.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/ext4/bytes.hpp"
#include "guest-runtime/fs/ext4/superblock.hpp"

namespace husk::fs::ext4 {

namespace group_flag {
inline constexpr std::uint16_t inode_uninit = 1;  // the inode bitmap was never written: all free
inline constexpr std::uint16_t block_uninit = 2;  // the same of the block bitmap
}  // namespace group_flag

struct GroupDescriptor {
    std::uint64_t block_bitmap = 0;
    std::uint64_t inode_bitmap = 0;
    std::uint64_t inode_table = 0;
    std::uint32_t free_blocks = 0;
    std::uint32_t free_inodes = 0;
    std::uint32_t directories = 0;
    std::uint32_t unused_inodes = 0;  // at the end of the table, never written
    std::uint32_t block_bitmap_checksum = 0;
    std::uint32_t inode_bitmap_checksum = 0;
    std::uint16_t flags = 0;
};

// `bytes` are one descriptor, as long as the superblock says. EUCLEAN: a wrong checksum, or places outside the disk.
Result<GroupDescriptor> parse_group(ConstBytes bytes, std::uint32_t group, const Superblock& superblock);
// Writes what changes, and the checksum.
void store_group(const GroupDescriptor& from, Bytes bytes, std::uint32_t group, const Superblock& superblock);

// A bitmap's checksum as the descriptor holds it: 16 bits of it where descriptors are short.
std::uint32_t block_bitmap_checksum(ConstBytes bitmap, const Superblock& superblock);
std::uint32_t inode_bitmap_checksum(ConstBytes bitmap, const Superblock& superblock);

}  // namespace husk::fs::ext4
