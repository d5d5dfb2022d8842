// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/journal/layout.hpp"

#include <algorithm>

#include "guest-runtime/base/crc32c.hpp"

namespace husk::journal {

namespace {

constexpr std::uint32_t ceiling(std::uint32_t count, std::uint32_t step) { return (count + step - 1) / step; }

// Of `block` as if the four bytes at `hole` were 0.
std::uint32_t checksum_around(std::uint32_t seed, std::span<const std::byte> block, std::size_t hole) {
    std::uint32_t state = crc32c(seed, block.first(hole));
    state = crc32c_of(state, std::uint32_t{0});
    return crc32c(state, block.subspan(hole + sizeof(Be32)));
}

constexpr std::size_t commit_checksum_offset = offsetof(format::Commit, checksum);

}  // namespace

std::uint32_t Layout::tag_bytes() const {
    if (tags == TagFormat::checksum_v3) return sizeof(format::TagV3);
    // jbd2 counts the 16 bits of a version 2 checksum twice.
    std::uint32_t bytes = sizeof(format::Tag) + (tags == TagFormat::checksum_v2 ? 2 : 0);
    return is_wide ? bytes : bytes - 4;
}

std::uint32_t Layout::tags_per_block() const {
    std::uint32_t overhead = sizeof(format::Header) + format::uuid_bytes + tail_bytes();
    return (block_bytes - overhead) / tag_bytes();
}

std::uint32_t Layout::revokes_per_block() const {
    return (block_bytes - static_cast<std::uint32_t>(sizeof(format::Revoke)) - tail_bytes()) / revoke_entry_bytes();
}

std::uint32_t Layout::log_blocks(std::uint32_t blocks, std::uint32_t revokes) const {
    return blocks + ceiling(blocks, tags_per_block()) + ceiling(revokes, revokes_per_block()) + 1;
}

std::uint32_t Layout::copy_checksum(std::uint32_t sequence, std::span<const std::byte> copy) const {
    return crc32c(crc32c_of(seed, Be32(sequence)), copy);
}

void Layout::seal_tail(std::span<std::byte> block) const {
    if (!has_checksums()) return;
    std::size_t at = block.size() - format::tail_bytes;
    store(block, Be32(checksum_around(seed, block, at)), at);
}

bool Layout::tail_is_right(std::span<const std::byte> block) const {
    if (!has_checksums()) return true;
    std::size_t at = block.size() - format::tail_bytes;
    return load<Be32>(block, at) == checksum_around(seed, block, at);
}

void Layout::seal_commit(std::span<std::byte> block) const {
    if (!has_checksums()) return;
    store(block, Be32(checksum_around(seed, block, commit_checksum_offset)), commit_checksum_offset);
}

bool Layout::commit_is_right(std::span<const std::byte> block) const {
    if (!has_checksums()) return true;
    return load<Be32>(block, commit_checksum_offset) == checksum_around(seed, block, commit_checksum_offset);
}

BlockTag read_tag(const Layout& layout, const std::byte* at) {
    BlockTag tag;
    if (layout.tags == TagFormat::checksum_v3) {
        auto raw = load<format::TagV3>({at, sizeof(format::TagV3)});
        tag = {raw.block_low, raw.flags, raw.checksum};
        if (layout.is_wide) tag.block |= std::uint64_t{raw.block_high} << 32;
        return tag;
    }
    format::Tag raw{};
    __builtin_memcpy(&raw, at, std::min<std::size_t>(sizeof raw, layout.tag_bytes()));
    tag = {raw.block_low, raw.flags, raw.checksum};
    if (layout.is_wide) tag.block |= std::uint64_t{raw.block_high} << 32;
    return tag;
}

void write_tag(const Layout& layout, std::byte* at, const BlockTag& tag) {
    auto low = static_cast<std::uint32_t>(tag.block), high = static_cast<std::uint32_t>(tag.block >> 32);
    if (layout.tags == TagFormat::checksum_v3) {
        store({at, sizeof(format::TagV3)}, format::TagV3{low, tag.flags, layout.is_wide ? high : 0, tag.checksum});
        return;
    }
    __builtin_memset(at, 0, layout.tag_bytes());
    format::Tag raw{low, static_cast<std::uint16_t>(layout.has_checksums() ? tag.checksum : 0),
                    static_cast<std::uint16_t>(tag.flags), high};
    __builtin_memcpy(at, &raw, layout.is_wide ? sizeof raw : offsetof(format::Tag, block_high));
}

bool copy_is_right(const Layout& layout, const BlockTag& tag, std::uint32_t sequence, std::span<const std::byte> copy) {
    if (!layout.has_checksums()) return true;
    std::uint32_t right = layout.copy_checksum(sequence, copy);
    return tag.checksum == (layout.tags == TagFormat::checksum_v3 ? right : right & 0xffff);
}

}  // namespace husk::journal
