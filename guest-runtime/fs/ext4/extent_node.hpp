// SPDX-License-Identifier: Apache-2.0
// One node of an extent tree: in the inode's own 60 bytes, or in a block.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/ext4/bytes.hpp"
#include "guest-runtime/fs/ext4/system_zone.hpp"

namespace husk::fs::ext4 {

// A run of a file's blocks that lie one behind the other on the device.
struct Extent {
    std::uint32_t logical = 0;
    std::uint32_t count = 0;
    std::uint64_t physical = 0;
    bool unwritten = false;  // allocated, reads as zeros

    [[nodiscard]] std::uint64_t end() const { return std::uint64_t{logical} + count; }
    static constexpr std::uint32_t most_written = 32768, most_unwritten = 32767;
    [[nodiscard]] std::uint32_t most() const { return unwritten ? most_unwritten : most_written; }
    // Whether `next` goes on where this one ends.
    [[nodiscard]] bool joins(const Extent& next) const {
        return unwritten == next.unwritten && end() == next.logical && physical + count == next.physical &&
               count + next.count <= most();
    }
};

// A view of bytes that check() has found sound. Entries are extents in a leaf (depth 0), else children with the first
// logical block below them.
class ExtentNode {
public:
    static constexpr unsigned deepest = 5;
    static constexpr std::size_t entry_bytes = 12, header_bytes = 12;

    constexpr ExtentNode() = default;
    explicit ExtentNode(Bytes bytes) : bytes_(bytes) {}
    // An empty one with room for as many entries as fit.
    static ExtentNode format(Bytes bytes, unsigned depth);

    // EUCLEAN: a wrong magic number or depth, entries out of order, overlapping, outside the disk or in what is the
    // file system's own.
    static Result<> check(ConstBytes bytes, unsigned depth, const SystemZone& zone);

    // The part of check() that keeps later calls within the bytes, for blocks that were found sound in another role.
    [[nodiscard]] static bool is_shaped(ConstBytes bytes, unsigned depth);

    [[nodiscard]] unsigned depth() const { return load<std::uint16_t>(bytes_, 6); }
    [[nodiscard]] std::uint32_t count() const { return load<std::uint16_t>(bytes_, 2); }
    [[nodiscard]] std::uint32_t room() const { return load<std::uint16_t>(bytes_, 4) - count(); }
    [[nodiscard]] std::uint32_t key(std::uint32_t index) const { return load<std::uint32_t>(bytes_, at(index)); }
    void set_key(std::uint32_t index, std::uint32_t logical) { store<std::uint32_t>(bytes_, at(index), logical); }
    // The last entry whose key is at most `logical`; count() when there is none.
    [[nodiscard]] std::uint32_t find(std::uint32_t logical) const;

    [[nodiscard]] Extent extent(std::uint32_t index) const;
    void set_extent(std::uint32_t index, const Extent& extent);
    [[nodiscard]] std::uint64_t child(std::uint32_t index) const;
    void set_child(std::uint32_t index, std::uint32_t logical, std::uint64_t block);

    // Makes a place at `index`, whose entry the caller then sets.
    void open_gap(std::uint32_t index);
    void erase(std::uint32_t index);
    // Moves the entries from `index` on to `to`, which is empty.
    void move_tail(std::uint32_t index, ExtentNode to);
    // Copies all entries to `to`, which is empty and has room.
    void copy_to(ExtentNode to) const;

    // Blocks end in a checksum; the inode's own node is under the inode's.
    [[nodiscard]] bool checksum_is_right(std::uint32_t seed) const { return checksum(seed) == stored_checksum(); }
    void seal(std::uint32_t seed) { store<std::uint32_t>(bytes_, tail(), checksum(seed)); }

private:
    [[nodiscard]] static std::size_t at(std::uint32_t index) { return header_bytes + std::size_t{index} * entry_bytes; }
    [[nodiscard]] std::size_t tail() const { return at(load<std::uint16_t>(bytes_, 4)); }
    [[nodiscard]] std::uint32_t stored_checksum() const { return load<std::uint32_t>(bytes_, tail()); }
    [[nodiscard]] std::uint32_t checksum(std::uint32_t seed) const;
    void set_count(std::uint32_t count) { store<std::uint16_t>(bytes_, 2, low_word(count)); }

    Bytes bytes_;
};

}  // namespace husk::fs::ext4
