// SPDX-License-Identifier: Apache-2.0
// A set of integers below a bound that finds its lowest member in a few steps: bitmaps, each summing up the one below.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace husk::memory {

class BitTree {
public:
    static constexpr std::uint64_t none = UINT64_MAX;

    constexpr BitTree() = default;
    // Words of storage for members below `bound`.
    static constexpr std::size_t words_needed(std::uint64_t bound) {
        std::size_t words = 0;
        do {
            bound = (bound + 63) / 64;
            words += bound;
        } while (bound > 1);
        return words;
    }
    // An empty set in `storage`, words_needed(bound) words that are 0.
    constexpr BitTree(std::uint64_t* storage, std::uint64_t bound) {
        do {
            bound = (bound + 63) / 64;
            levels_[level_count_++] = storage;
            storage += bound;
        } while (bound > 1);
    }

    [[nodiscard]] bool contains(std::uint64_t member) const {
        return (levels_[0][member / 64] >> (member % 64) & 1) != 0;
    }
    void insert(std::uint64_t member) {
        for (unsigned level = 0; level < level_count_; ++level, member /= 64) {
            std::uint64_t& word = levels_[level][member / 64];
            bool was_empty = word == 0;
            word |= 1ull << (member % 64);
            if (!was_empty) return;
        }
    }
    void erase(std::uint64_t member) {
        for (unsigned level = 0; level < level_count_; ++level, member /= 64) {
            std::uint64_t& word = levels_[level][member / 64];
            word &= ~(1ull << (member % 64));
            if (word != 0) return;
        }
    }
    // The lowest member, or none.
    [[nodiscard]] std::uint64_t lowest() const {
        if (level_count_ == 0 || levels_[level_count_ - 1][0] == 0) return none;
        std::uint64_t word = 0;
        for (unsigned level = level_count_; level-- > 0;) {
            word = word * 64 + static_cast<std::uint64_t>(std::countr_zero(levels_[level][word]));
        }
        return word;
    }

private:
    static constexpr unsigned max_levels = 6;  // 64^6 frames are more than an x86-64 has

    std::uint64_t* levels_[max_levels] = {};
    unsigned level_count_ = 0;
};

}  // namespace husk::memory
