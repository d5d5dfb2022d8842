// SPDX-License-Identifier: Apache-2.0
// The ranges of an address space in order, with the gaps between them: a treap whose links live in the ranges.
#pragma once

#include <cstdint>
#include <optional>

#include "guest-runtime/memory/mapping.hpp"

namespace husk::memory {

class MappingTree {
public:
    constexpr MappingTree() = default;

    // `mapping` overlaps no other.
    void insert(Mapping& mapping);
    void erase(Mapping& mapping);
    // Changes the bounds of a mapping of the tree without passing a neighbour.
    void resize(Mapping& mapping, std::uint64_t begin, std::uint64_t end);

    [[nodiscard]] Mapping* find(std::uint64_t va) const;                // the one that contains va
    [[nodiscard]] Mapping* first_ending_after(std::uint64_t va) const;  // the one that contains va, or the next
    [[nodiscard]] Mapping* last_beginning_before(std::uint64_t va) const;
    [[nodiscard]] bool is_free(std::uint64_t begin, std::uint64_t end) const;
    // The highest address with room for size_bytes in [low, high).
    [[nodiscard]] std::optional<std::uint64_t> find_gap(std::uint64_t low, std::uint64_t high, std::uint64_t size_bytes,
                                                        std::uint64_t alignment) const;

private:
    Mapping* root_ = nullptr;
    std::uint64_t random_ = 0x9e37'79b9'7f4a'7c15;
};

}  // namespace husk::memory
