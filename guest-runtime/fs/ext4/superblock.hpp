// SPDX-License-Identifier: Apache-2.0
// The superblock: how large everything is, which features are in use, and in what state the file system was left.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/ext4/bytes.hpp"

namespace husk::fs::ext4 {

inline constexpr std::uint64_t superblock_offset = 1024;  // bytes from the start of the device
inline constexpr std::size_t superblock_bytes = 1024;

namespace compatible {
inline constexpr std::uint32_t has_journal = 0x4, dir_index = 0x20;
}
namespace incompatible {
inline constexpr std::uint32_t filetype = 0x2, recover = 0x4, extents = 0x40, is_64bit = 0x80, flex_bg = 0x200,
                               checksum_seed = 0x2000, large_directories = 0x4000;
}
namespace read_only_compatible {
inline constexpr std::uint32_t sparse_super = 0x1, large_file = 0x2, huge_file = 0x8, dir_nlink = 0x20,
                               extra_isize = 0x40, metadata_csum = 0x400;
}

// s_state
inline constexpr std::uint16_t state_clean = 1, state_errors = 2;

// Offsets of the fields that a mounted file system changes.
namespace superblock_field {
inline constexpr std::size_t free_blocks_low = 0x0c, free_inodes = 0x10, mount_time = 0x2c, write_time = 0x30,
                             mount_count = 0x34, state = 0x3a, incompatible_features = 0x60, last_orphan = 0xe8,
                             free_blocks_high = 0x158, mount_time_high = 0x275, write_time_high = 0x274,
                             checksum = 0x3fc;
}

struct Superblock {
    std::uint64_t blocks = 0;
    std::uint64_t first_data_block = 0;
    std::uint32_t block_bytes = 0;
    unsigned block_bits = 0;  // log2 of it
    std::uint32_t blocks_per_group = 0;
    std::uint32_t inodes = 0;
    std::uint32_t inodes_per_group = 0;
    std::uint32_t inode_bytes = 0;
    std::uint32_t wanted_extra_bytes = 0;  // of a new inode, beyond the first 128
    std::uint32_t first_inode = 0;         // the lower ones have special purposes
    std::uint32_t descriptor_bytes = 0;
    std::uint32_t reserved_descriptor_blocks = 0;
    std::uint32_t group_count = 0;
    std::uint32_t flex_group_size = 1;
    std::uint32_t journal_inode = 0;
    std::uint32_t last_orphan = 0;  // head of the list of inodes to clean up, 0: none
    std::uint32_t compatible = 0, incompatible = 0, read_only_compatible = 0;
    std::uint32_t checksum_seed = 0;
    std::uint16_t state = 0;
    std::array<std::uint32_t, 4> hash_seed = {};
    std::uint8_t hash_version = 0;  // of new directory indexes
    bool unsigned_hash = false;
    std::array<std::uint8_t, 16> uuid = {};

    [[nodiscard]] bool has_checksums() const {
        return (read_only_compatible & ext4::read_only_compatible::metadata_csum) != 0;
    }
    [[nodiscard]] bool is_block(std::uint64_t block) const { return block >= first_data_block && block < blocks; }
    [[nodiscard]] bool are_blocks(std::uint64_t first, std::uint64_t count) const {
        return first >= first_data_block && count <= blocks && first <= blocks - count;
    }
    [[nodiscard]] bool is_inode(std::uint64_t number) const { return number >= 1 && number <= inodes; }
    [[nodiscard]] std::uint64_t group_start(std::uint32_t group) const {
        return first_data_block + std::uint64_t{group} * blocks_per_group;
    }
    [[nodiscard]] std::uint32_t group_of_block(std::uint64_t block) const {
        return static_cast<std::uint32_t>((block - first_data_block) / blocks_per_group);
    }
    [[nodiscard]] std::uint32_t blocks_in_group(std::uint32_t group) const {
        std::uint64_t left = blocks - group_start(group);
        return left < blocks_per_group ? static_cast<std::uint32_t>(left) : blocks_per_group;
    }
    // Whether the group begins with a copy of superblock and descriptors.
    [[nodiscard]] bool has_backup(std::uint32_t group) const;
    // Of each group.
    [[nodiscard]] std::uint32_t inode_table_blocks() const {
        return (inodes_per_group * inode_bytes + block_bytes - 1) / block_bytes;
    }
    [[nodiscard]] std::uint32_t descriptor_blocks() const {
        std::uint32_t per_block = block_bytes / descriptor_bytes;
        return (group_count + per_block - 1) / per_block;
    }
};

// Why a superblock cannot be mounted: one sentence's worth.
struct Refusal {
    std::string_view reason;   // empty: it can
    std::string_view feature;  // the name of the unknown feature, when that is the reason
};

// `bytes` are the 1024 of the superblock, `device_bytes` the size of what they lie on. Every number of `to` is
// consistent with the others when the answer is no refusal.
Refusal parse_superblock(ConstBytes bytes, std::uint64_t device_bytes, Superblock& to);
// The feature that allows reading only; empty: none.
std::string_view read_only_feature(const Superblock& superblock);
// The checksum of a changed superblock.
void seal_superblock(Bytes bytes, const Superblock& superblock);

}  // namespace husk::fs::ext4
