// SPDX-License-Identifier: Apache-2.0
// How a journal with certain features fills its blocks: sizes, counts and checksums.
#pragma once

#include <cstdint>
#include <span>

#include "guest-runtime/fs/journal/format.hpp"

namespace husk::journal {

enum class TagFormat : std::uint8_t { plain, checksum_v2, checksum_v3 };

struct Layout {
    std::uint32_t block_bytes = 0;
    TagFormat tags = TagFormat::plain;
    bool is_wide = false;
    std::uint32_t seed = 0;  // of checksums: crc32c of the UUID

    [[nodiscard]] bool has_checksums() const { return tags != TagFormat::plain; }
    [[nodiscard]] std::uint32_t tag_bytes() const;
    [[nodiscard]] std::uint32_t tail_bytes() const { return has_checksums() ? format::tail_bytes : 0; }
    // Of one descriptor block that begins with a UUID.
    [[nodiscard]] std::uint32_t tags_per_block() const;
    [[nodiscard]] std::uint32_t revoke_entry_bytes() const { return is_wide ? 8 : 4; }
    [[nodiscard]] std::uint32_t revokes_per_block() const;
    // What a transaction with that many metadata blocks and revoke records takes in the log.
    [[nodiscard]] std::uint32_t log_blocks(std::uint32_t blocks, std::uint32_t revokes) const;

    // Of the copy of a metadata block as it stands in the log.
    [[nodiscard]] std::uint32_t copy_checksum(std::uint32_t sequence, std::span<const std::byte> copy) const;
    // Descriptor and revoke blocks.
    void seal_tail(std::span<std::byte> block) const;
    [[nodiscard]] bool tail_is_right(std::span<const std::byte> block) const;
    // Commit blocks.
    void seal_commit(std::span<std::byte> block) const;
    [[nodiscard]] bool commit_is_right(std::span<const std::byte> block) const;
};

// One entry of a descriptor block, whatever its form.
struct BlockTag {
    std::uint64_t block = 0;
    std::uint32_t flags = 0;
    std::uint32_t checksum = 0;
};
// `at` has tag_bytes().
BlockTag read_tag(const Layout& layout, const std::byte* at);
void write_tag(const Layout& layout, std::byte* at, const BlockTag& tag);
// Whether the copy is what the tag speaks of; always, without checksums.
[[nodiscard]] bool copy_is_right(const Layout& layout, const BlockTag& tag, std::uint32_t sequence,
                                 std::span<const std::byte> copy);

// Objects at any place in a block.
template <class T>
T load(std::span<const std::byte> block, std::size_t offset = 0) {
    T object;
    __builtin_memcpy(&object, block.data() + offset, sizeof object);
    return object;
}
template <class T>
void store(std::span<std::byte> block, const T& object, std::size_t offset = 0) {
    __builtin_memcpy(block.data() + offset, &object, sizeof object);
}

}  // namespace husk::journal
