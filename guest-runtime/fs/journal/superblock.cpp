// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/journal/superblock.hpp"

#include "guest-runtime/base/crc32c.hpp"

namespace husk::journal {

namespace {

namespace incompatible = format::incompatible;

constexpr std::uint32_t known_incompatible =
    incompatible::revoke | incompatible::wide | incompatible::checksum_v2 | incompatible::checksum_v3;

std::uint32_t checksum_of(format::Superblock super) {
    super.checksum = 0;
    return crc32c_of(crc32c_start, super);
}

bool has_checksums(const format::Superblock& super) {
    return (super.incompatible & (incompatible::checksum_v2 | incompatible::checksum_v3)) != 0;
}

std::string_view unknown_feature(const format::Superblock& super) {
    std::uint32_t unknown = super.incompatible & ~known_incompatible;
    if ((unknown & incompatible::fast_commit) != 0) return "the journal has fast commits";
    if ((unknown & incompatible::async_commit) != 0) return "the journal has asynchronous commits";
    if (unknown != 0) return "the journal has an incompatible feature that is not known";
    if (super.read_only_compatible != 0) return "the journal has a read-only feature that is not known";
    return {};
}

// What is wrong with the numbers, or nothing.
std::string_view damage(const format::Superblock& super, std::size_t block_bytes, std::uint32_t map_blocks) {
    if (super.block_bytes != block_bytes) return "the journal's block size is not the file system's";
    if (super.block_count > map_blocks) return "the journal is longer than its file";
    if (super.first == 0 || super.first >= super.block_count) return "the journal's first block lies outside of it";
    if (super.start != 0 && (super.start < super.first || super.start >= super.block_count)) {
        return "the journal's log begins outside of it";
    }
    std::uint32_t both = incompatible::checksum_v2 | incompatible::checksum_v3;
    if ((super.incompatible & both) == both) return "the journal has two kinds of checksums";
    if (!has_checksums(super)) return {};
    if ((super.compatible & format::compatible::checksum) != 0) return "the journal has two kinds of checksums";
    if (super.checksum_type != format::checksum_crc32c) return "the journal's kind of checksum is not known";
    if (super.checksum != checksum_of(super)) return "the checksum of the journal's superblock is wrong";
    return {};
}

void seal(std::span<std::byte> block, format::Superblock& super) {
    if (has_checksums(super)) super.checksum = checksum_of(super);
    store(block, super);
}

}  // namespace

Result<LogState> parse_superblock(std::span<const std::byte> block, std::uint32_t map_blocks, std::string_view& why) {
    auto super = load<format::Superblock>(block);
    why = "the journal has no superblock";
    if (super.header.magic != format::magic) return Errno::einval;
    why = "the journal's superblock is of version 1";
    if (super.header.type == format::block_type::superblock_v1) return Errno::eopnotsupp;
    why = "the journal has no superblock";
    if (super.header.type != format::block_type::superblock) return Errno::einval;
    why = unknown_feature(super);
    if (!why.empty()) return Errno::eopnotsupp;
    why = damage(super, block.size(), map_blocks);
    if (!why.empty()) return Errno::einval;

    LogState state;
    state.layout.block_bytes = super.block_bytes;
    state.layout.is_wide = (super.incompatible & incompatible::wide) != 0;
    if ((super.incompatible & incompatible::checksum_v2) != 0) state.layout.tags = TagFormat::checksum_v2;
    if ((super.incompatible & incompatible::checksum_v3) != 0) state.layout.tags = TagFormat::checksum_v3;
    state.layout.seed = crc32c_of(crc32c_start, super.uuid);
    state.block_count = super.block_count;
    state.first = super.first;
    state.start = super.start;
    state.sequence = super.sequence;
    state.has_transaction_checksums = (super.compatible & format::compatible::checksum) != 0;
    return state;
}

void set_log_start(std::span<std::byte> block, std::uint32_t start, std::uint32_t sequence) {
    auto super = load<format::Superblock>(block);
    super.start = start;
    super.sequence = sequence;
    seal(block, super);
}

void set_features(std::span<std::byte> block, bool has_checksums, bool is_wide) {
    auto super = load<format::Superblock>(block);
    super.compatible = super.compatible & ~format::compatible::checksum;
    super.incompatible =
        incompatible::revoke | (is_wide ? incompatible::wide : 0) | (has_checksums ? incompatible::checksum_v3 : 0);
    super.checksum_type = has_checksums ? format::checksum_crc32c : 0;
    super.checksum = 0;
    super.head = 0;
    seal(block, super);
}

}  // namespace husk::journal
