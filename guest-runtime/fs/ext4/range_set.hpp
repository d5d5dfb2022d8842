// SPDX-License-Identifier: Apache-2.0
// A set of numbers kept as ranges: the blocks of a file that were promised room and have no place yet.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/heap_array.hpp"

namespace husk::fs::ext4 {

class RangeSet {
public:
    // How many of [first, end) are in the set.
    [[nodiscard]] std::uint64_t count_in(std::uint64_t first, std::uint64_t end) const;
    [[nodiscard]] std::uint64_t count() const { return count_; }
    // From `number` on, to where its being in the set or not changes.
    struct Run {
        bool inside;
        std::uint64_t end;
    };
    [[nodiscard]] Run run_at(std::uint64_t number) const;
    // ENOMEM, with nothing changed.
    Result<> insert(std::uint64_t first, std::uint64_t end);
    Result<> erase(std::uint64_t first, std::uint64_t end);
    // Erases all from `first` on, which needs no memory.
    void erase_from(std::uint64_t first);

private:
    struct Range {
        std::uint64_t first, end;
    };
    // The first range that ends behind `number`.
    [[nodiscard]] std::size_t find(std::uint64_t number) const;
    Result<> make_room();
    void open_gap(std::size_t index);
    void close_gap(std::size_t index, std::size_t ranges);

    HeapArray<Range> ranges_;
    std::size_t used_ = 0;
    std::uint64_t count_ = 0;
};

}  // namespace husk::fs::ext4
