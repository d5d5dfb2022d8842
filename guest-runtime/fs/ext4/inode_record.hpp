// SPDX-License-Identifier: Apache-2.0
// An inode as the inode table holds it.
#pragma once

#include <array>
#include <cstdint>

#include "guest-runtime/fs/ext4/bytes.hpp"
#include "guest-runtime/fs/ext4/superblock.hpp"

namespace husk::fs::ext4 {

namespace inode_flag {
inline constexpr std::uint32_t immutable = 0x10, append_only = 0x20, indexed = 0x1000, huge_file = 0x40000,
                               extents = 0x80000, inline_data = 0x10000000;
}

inline constexpr std::uint32_t root_inode_number = 2;
inline constexpr std::size_t base_inode_bytes = 128;
// Where block numbers, extents, a short symlink's text or a device's number are.
inline constexpr std::size_t inode_area_bytes = 60;

struct InodeRecord {
    std::uint32_t mode = 0;  // type and permissions
    std::uint32_t user = 0;
    std::uint32_t group = 0;
    std::uint32_t links = 0;
    std::uint32_t flags = 0;
    std::uint32_t generation = 0;
    std::uint32_t next_orphan = 0;  // i_dtime: when it was deleted, or the next of the orphan list
    std::uint32_t extra_bytes = 0;  // beyond the first 128
    std::uint64_t size_bytes = 0;
    std::uint64_t blocks_512 = 0;
    std::uint64_t attribute_block = 0;
    std::uint64_t version = 0;
    std::int64_t accessed_ns = 0;  // since 1970
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    std::int64_t born_ns = 0;
    std::array<std::byte, inode_area_bytes> area = {};
};

// The number of a device node, as st_rdev has it.
std::uint64_t device_of(const InodeRecord& record);
void set_device(InodeRecord& record, std::uint64_t device);

// The seed of the checksums of an inode and of the blocks that belong to it.
std::uint32_t inode_seed(std::uint32_t number, std::uint32_t generation, const Superblock& superblock);

// `bytes` are one inode of the table, as long as the superblock says. EUCLEAN.
Result<InodeRecord> parse_inode(ConstBytes bytes, std::uint32_t number, const Superblock& superblock);
// Writes the fields and the checksum, and leaves what is behind them (extended attributes) alone.
void store_inode(const InodeRecord& from, Bytes bytes, std::uint32_t number, const Superblock& superblock);
// Only the checksum, after a change behind the fields.
void seal_inode(Bytes bytes, std::uint32_t number, const Superblock& superblock);

}  // namespace husk::fs::ext4
