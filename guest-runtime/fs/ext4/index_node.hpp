// SPDX-License-Identifier: Apache-2.0
// A node of a directory's index ("htree"): sorted hashes, each with the directory block that holds the names from it
// on.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/ext4/bytes.hpp"
#include "guest-runtime/fs/ext4/superblock.hpp"

namespace husk::fs::ext4 {

// The root's header, behind what looks like the entries "." and "..".
struct IndexHeader {
    std::uint8_t hash_version = 0;
    std::uint8_t levels = 0;  // of nodes below the root
};

// A view of a block that check() has found sound. The first entry's hash is 0 and not stored.
class IndexNode {
public:
    static constexpr std::size_t root_offset = 32, node_offset = 8;

    constexpr IndexNode() = default;
    IndexNode(Bytes bytes, bool is_root) : bytes_(bytes), offset_(is_root ? root_offset : node_offset) {}
    // `bytes` hold what format_first() made, which the header goes behind.
    static IndexNode format_root(Bytes bytes, const IndexHeader& header, const Superblock& superblock);
    static IndexNode format_node(Bytes bytes, const Superblock& superblock);

    // EUCLEAN: a wrong checksum, impossible counts, hashes out of order, or blocks at or behind `block_end`.
    static Result<> check(ConstBytes bytes, bool is_root, std::uint32_t seed, std::uint32_t block_end,
                          const Superblock& superblock);

    // The part of check() that keeps later calls within the bytes, for blocks that were found sound in another role.
    [[nodiscard]] static bool is_shaped(ConstBytes bytes, bool is_root, const Superblock& superblock);

    [[nodiscard]] IndexHeader header() const {
        return {load<std::uint8_t>(bytes_, 28), load<std::uint8_t>(bytes_, 30)};
    }
    void set_levels(std::uint8_t levels) { store<std::uint8_t>(bytes_, 30, levels); }
    [[nodiscard]] std::uint32_t count() const { return load<std::uint16_t>(bytes_, offset_ + 2); }
    [[nodiscard]] std::uint32_t room() const { return load<std::uint16_t>(bytes_, offset_) - count(); }
    [[nodiscard]] std::uint32_t hash(std::uint32_t index) const {
        return index == 0 ? 0 : load<std::uint32_t>(bytes_, at(index));
    }
    [[nodiscard]] std::uint32_t block(std::uint32_t index) const {
        return load<std::uint32_t>(bytes_, at(index) + 4) & block_mask;
    }
    // The last entry whose hash is at most `hash`.
    [[nodiscard]] std::uint32_t find(std::uint32_t hash) const;
    void set_block(std::uint32_t index, std::uint32_t block) { store<std::uint32_t>(bytes_, at(index) + 4, block); }
    void insert(std::uint32_t index, std::uint32_t hash, std::uint32_t block);
    // Moves the entries from `index` on to `to`, which is empty, and answers the hash that `to` begins with.
    std::uint32_t move_tail(std::uint32_t index, IndexNode to);

    void seal(std::uint32_t seed, const Superblock& superblock);

private:
    static constexpr std::uint32_t block_mask = 0x0fff'ffff;
    [[nodiscard]] std::size_t at(std::uint32_t index) const { return offset_ + std::size_t{index} * 8; }
    void set_count(std::uint32_t count) { store<std::uint16_t>(bytes_, offset_ + 2, low_word(count)); }

    Bytes bytes_;
    std::size_t offset_ = 0;
};

}  // namespace husk::fs::ext4
