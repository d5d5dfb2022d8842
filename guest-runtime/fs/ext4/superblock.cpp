// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/superblock.hpp"

#include "guest-runtime/base/crc32c.hpp"
#include "guest-runtime/fs/ext4/features.hpp"

namespace husk::fs::ext4 {

namespace {

constexpr std::uint16_t magic = 0xef53;
constexpr std::uint32_t dynamic_revision = 1;
constexpr std::uint8_t checksum_type_crc32c = 1;
constexpr std::uint32_t flag_unsigned_hash = 2;
constexpr unsigned largest_block_bits = 12;  // a block is never larger than a page

bool is_power_of(std::uint32_t value, std::uint32_t base) {
    while (value > 1 && value % base == 0) value /= base;
    return value == 1;
}

void load_fields(ConstBytes bytes, Superblock& to) {
    auto word = [&](std::size_t offset) { return load<std::uint32_t>(bytes, offset); };
    auto half = [&](std::size_t offset) { return load<std::uint16_t>(bytes, offset); };
    to.inodes = word(0x00);
    to.first_data_block = word(0x14);
    to.blocks_per_group = word(0x20);
    to.inodes_per_group = word(0x28);
    to.state = half(superblock_field::state);
    to.first_inode = word(0x54);
    to.inode_bytes = half(0x58);
    to.compatible = word(0x5c);
    to.incompatible = word(superblock_field::incompatible_features);
    to.read_only_compatible = word(0x64);
    to.uuid = load<std::array<std::uint8_t, 16>>(bytes, 0x68);
    to.reserved_descriptor_blocks = half(0xce);
    to.journal_inode = word(0xe0);
    to.last_orphan = word(superblock_field::last_orphan);
    to.hash_seed = load<std::array<std::uint32_t, 4>>(bytes, 0xec);
    to.hash_version = load<std::uint8_t>(bytes, 0xfc);
    to.wanted_extra_bytes = half(0x15e);
    to.unsigned_hash = (word(0x160) & flag_unsigned_hash) != 0;
    bool wide = (to.incompatible & incompatible::is_64bit) != 0;
    to.blocks = join(word(0x04), wide ? word(0x150) : 0);
    to.descriptor_bytes = wide ? half(0xfe) : 32;
    if ((to.incompatible & incompatible::flex_bg) != 0) {
        std::uint8_t bits = load<std::uint8_t>(bytes, 0x174);
        to.flex_group_size = bits < 31 ? 1u << bits : 1u << 31;
    }
    bool seeded = (to.incompatible & incompatible::checksum_seed) != 0;
    to.checksum_seed = seeded ? word(0x270) : crc32c_of(crc32c_start, to.uuid);
}

std::string_view complaint(const Superblock& s, std::uint64_t device_bytes) {
    std::uint32_t bits_per_block = s.block_bytes * 8;
    if (s.blocks_per_group == 0 || s.blocks_per_group > bits_per_block || s.blocks_per_group % 8 != 0) {
        return "its groups have an impossible number of blocks";
    }
    if (s.inodes_per_group == 0 || s.inodes_per_group > bits_per_block || s.inodes_per_group % 8 != 0) {
        return "its groups have an impossible number of inodes";
    }
    if (s.inode_bytes < 128 || s.inode_bytes > s.block_bytes || !is_power_of(s.inode_bytes, 2)) {
        return "its inodes have an impossible size";
    }
    if (s.descriptor_bytes < 32 || s.descriptor_bytes > s.block_bytes || !is_power_of(s.descriptor_bytes, 2) ||
        ((s.incompatible & incompatible::is_64bit) != 0 && s.descriptor_bytes < 64)) {
        return "its group descriptors have an impossible size";
    }
    if (s.first_data_block != (s.block_bytes == 1024 ? 1u : 0u)) return "its first block is misplaced";
    if (s.blocks <= s.first_data_block || s.blocks > device_bytes / s.block_bytes) {
        return "it says that it is larger than the disk";
    }
    std::uint64_t groups = (s.blocks - s.first_data_block + s.blocks_per_group - 1) / s.blocks_per_group;
    if (groups > UINT32_MAX / s.inodes_per_group || groups * s.inodes_per_group != s.inodes) {
        return "its number of inodes does not fit its groups";
    }
    std::uint64_t descriptors = (groups * s.descriptor_bytes + s.block_bytes - 1) / s.block_bytes;
    if (descriptors + s.reserved_descriptor_blocks + 1 >= s.blocks_per_group || descriptors + 1 >= s.blocks) {
        return "its group descriptors do not fit";
    }
    if (s.first_inode < 11 || s.first_inode > s.inodes_per_group) return "its first inode is misplaced";
    if (s.wanted_extra_bytes > s.inode_bytes - 128 || s.wanted_extra_bytes % 4 != 0) {
        return "its inodes have an impossible extra size";
    }
    return {};
}

}  // namespace

bool Superblock::has_backup(std::uint32_t group) const {
    if (group <= 1) return true;
    if ((read_only_compatible & ext4::read_only_compatible::sparse_super) == 0) return true;
    return group % 2 == 1 && (is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7));
}

Refusal parse_superblock(ConstBytes bytes, std::uint64_t device_bytes, Superblock& to) {
    to = {};
    if (bytes.size() < superblock_bytes || load<std::uint16_t>(bytes, 0x38) != magic) {
        return {.reason = "there is no ext4 file system on it", .feature = {}};
    }
    if (load<std::uint32_t>(bytes, 0x4c) < dynamic_revision) {
        return {.reason = "its revision is older than ext4's", .feature = {}};
    }
    load_fields(bytes, to);
    if (std::string_view name = unknown_incompatible(to.incompatible); !name.empty()) {
        return {.reason = "it uses a feature that is not supported", .feature = name};
    }
    if (to.has_checksums()) {
        if (load<std::uint8_t>(bytes, 0x175) != checksum_type_crc32c) {
            return {.reason = "its kind of checksum is not known", .feature = {}};
        }
        if (crc32c(crc32c_start, bytes.first(superblock_field::checksum)) !=
            load<std::uint32_t>(bytes, superblock_field::checksum)) {
            return {.reason = "its superblock has a wrong checksum", .feature = {}};
        }
    }
    std::uint32_t log_block = load<std::uint32_t>(bytes, 0x18);
    if (log_block > largest_block_bits - 10) return {.reason = "its blocks are larger than 4 KiB", .feature = {}};
    to.block_bits = log_block + 10;
    to.block_bytes = 1u << to.block_bits;
    if (std::string_view what = complaint(to, device_bytes); !what.empty()) return {.reason = what, .feature = {}};
    to.group_count = to.inodes / to.inodes_per_group;
    return {};
}

std::string_view read_only_feature(const Superblock& superblock) {
    return unknown_read_only(superblock.read_only_compatible);
}

void seal_superblock(Bytes bytes, const Superblock& superblock) {
    if (!superblock.has_checksums()) return;
    store<std::uint32_t>(bytes, superblock_field::checksum,
                         crc32c(crc32c_start, bytes.first(superblock_field::checksum)));
}

}  // namespace husk::fs::ext4
