// SPDX-License-Identifier: Apache-2.0
// Which blocks of a disk an overlay has: one bit each, in pages that are written back when they have changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace husk::backend {

class BlockMap final {
public:
    static constexpr std::size_t page_bytes = 4096;

    explicit BlockMap(std::uint64_t blocks);

    // A whole number of pages; bit n % 8 of byte n / 8 is block n.
    [[nodiscard]] std::span<std::byte> bytes() { return bits_; }
    [[nodiscard]] static std::uint64_t bytes_for(std::uint64_t blocks);

    [[nodiscard]] bool contains(std::uint64_t block) const;

    // How many blocks from `begin` on, at most to `end`, are there or not there as `begin` is.
    [[nodiscard]] std::uint64_t run_length(std::uint64_t begin, std::uint64_t end) const;

    void insert(std::uint64_t begin, std::uint64_t end);

    // The pages that have changed since the last call, by number.
    [[nodiscard]] std::vector<std::size_t> take_dirty_pages();
    // One that could not be written after all.
    void mark_dirty(std::size_t page) { is_dirty_[page] = has_dirty_ = true; }
    [[nodiscard]] std::span<const std::byte> page(std::size_t page) const;

private:
    std::vector<std::byte> bits_;
    std::vector<bool> is_dirty_;
    bool has_dirty_ = false;
};

}  // namespace husk::backend
