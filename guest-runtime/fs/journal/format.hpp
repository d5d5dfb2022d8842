// SPDX-License-Identifier: Apache-2.0
// What a jbd2 journal holds on the disk: all integers big-endian, every block but copies of metadata with a header
// [linux include/linux/jbd2.h] [linux Documentation/filesystems/ext4/journal.rst].
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest-runtime/base/big_endian.hpp"

namespace husk::journal::format {

inline constexpr std::uint32_t magic = 0xc03b3998;

namespace block_type {
inline constexpr std::uint32_t descriptor = 1;  // tags, one for each copy that follows
inline constexpr std::uint32_t commit = 2;
inline constexpr std::uint32_t superblock_v1 = 3;
inline constexpr std::uint32_t superblock = 4;
inline constexpr std::uint32_t revoke = 5;
}  // namespace block_type

struct Header {
    Be32 magic;
    Be32 type;
    Be32 sequence;  // of the transaction
};
static_assert(sizeof(Header) == 12);

namespace compatible {
inline constexpr std::uint32_t checksum = 1u << 0;  // of whole transactions, in the commit block
}
namespace incompatible {
inline constexpr std::uint32_t revoke = 1u << 0;
inline constexpr std::uint32_t wide = 1u << 1;  // 64BIT: block numbers of 64 bits
inline constexpr std::uint32_t async_commit = 1u << 2;
inline constexpr std::uint32_t checksum_v2 = 1u << 3;
inline constexpr std::uint32_t checksum_v3 = 1u << 4;
inline constexpr std::uint32_t fast_commit = 1u << 5;
}  // namespace incompatible

inline constexpr std::uint8_t checksum_crc32 = 1;
inline constexpr std::uint8_t checksum_crc32c = 4;

// The journal's block 0.
struct Superblock {
    Header header;
    Be32 block_bytes;
    Be32 block_count;
    Be32 first;     // block of the log; it goes on here behind the last one
    Be32 sequence;  // of the first transaction in the log
    Be32 start;     // its block; 0: the log is empty
    Be32 error;
    Be32 compatible;
    Be32 incompatible;
    Be32 read_only_compatible;
    std::uint8_t uuid[16];
    Be32 users;
    Be32 dynamic_superblock;
    Be32 max_transaction;
    Be32 max_transaction_data;
    std::uint8_t checksum_type;
    std::uint8_t padding1[3];
    Be32 fast_commit_blocks;
    Be32 head;  // of an empty log: where it goes on
    std::uint8_t padding2[160];
    Be32 checksum;
    std::uint8_t user_ids[768];
};
static_assert(sizeof(Superblock) == 1024 && offsetof(Superblock, uuid) == 0x30);
static_assert(offsetof(Superblock, checksum_type) == 0x50 && offsetof(Superblock, checksum) == 0xfc);

namespace tag_flag {
inline constexpr std::uint32_t escaped = 1;    // the block begins with the magic, which its copy has as zeros
inline constexpr std::uint32_t same_uuid = 2;  // else 16 bytes of UUID follow the tag
inline constexpr std::uint32_t deleted = 4;
inline constexpr std::uint32_t last = 8;
}  // namespace tag_flag
inline constexpr std::uint32_t uuid_bytes = 16;

// With checksum_v3, whatever the width.
struct TagV3 {
    Be32 block_low;
    Be32 flags;
    Be32 block_high;
    Be32 checksum;  // crc32c of the seed, the sequence and the copy
};
static_assert(sizeof(TagV3) == 16);

// Without. Only as much of it as tag_bytes() says is there.
struct Tag {
    Be32 block_low;
    Be16 checksum;  // with checksum_v2: the low half of what TagV3 has
    Be16 flags;
    Be32 block_high;  // only when wide
};
static_assert(sizeof(Tag) == 12);

// The end of descriptor and revoke blocks when there are checksums: of the whole block, with 0 here.
inline constexpr std::uint32_t tail_bytes = 4;

struct Commit {
    Header header;
    std::uint8_t checksum_type;
    std::uint8_t checksum_bytes;
    std::uint8_t padding[2];
    Be32 checksum[8];  // v2 and v3: only the first, of the whole block with 0 here
    Be64 seconds;
    Be32 nanoseconds;
};
static_assert(offsetof(Commit, checksum) == 0x10 && offsetof(Commit, seconds) == 0x30);
inline constexpr std::size_t commit_bytes = 0x3c;

// Followed by block numbers of 4 or 8 bytes.
struct Revoke {
    Header header;
    Be32 used_bytes;  // of the block, with this header
};
static_assert(sizeof(Revoke) == 16);

}  // namespace husk::journal::format
