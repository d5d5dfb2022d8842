// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/bitmap.hpp"

#include <algorithm>
#include <bit>

namespace husk::fs::ext4 {

namespace {

constexpr std::uint32_t word_bits = 64;

// Bitmaps are blocks, so whole words.
std::uint64_t word_at(ConstBytes bitmap, std::uint32_t bit) {
    return load<std::uint64_t>(bitmap, std::size_t{bit / word_bits} * sizeof(std::uint64_t));
}

// The first bit in [from, end) whose word, xored with `flip`, has it set.
std::uint32_t next_bit(ConstBytes bitmap, std::uint32_t from, std::uint32_t end, std::uint64_t flip) {
    while (from < end) {
        std::uint64_t word = (word_at(bitmap, from) ^ flip) >> (from % word_bits);
        if (word != 0) return std::min(end, from + static_cast<std::uint32_t>(std::countr_zero(word)));
        from = (from / word_bits + 1) * word_bits;
    }
    return end;
}

template <class Change>
void change_bits(Bytes bitmap, std::uint32_t first, std::uint32_t count, Change change) {
    while (count != 0) {
        std::uint32_t shift = first % word_bits;
        std::uint32_t bits = std::min(count, word_bits - shift);
        std::uint64_t mask = (bits == word_bits ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1) << shift;
        std::size_t offset = std::size_t{first / word_bits} * sizeof(std::uint64_t);
        store<std::uint64_t>(bitmap, offset, change(load<std::uint64_t>(bitmap, offset), mask));
        first += bits;
        count -= bits;
    }
}

}  // namespace

bool bit_is_set(ConstBytes bitmap, std::uint32_t bit) { return (word_at(bitmap, bit) >> (bit % word_bits) & 1) != 0; }

std::uint32_t next_clear_bit(ConstBytes bitmap, std::uint32_t from, std::uint32_t end) {
    return next_bit(bitmap, from, end, ~std::uint64_t{0});
}

std::uint32_t next_set_bit(ConstBytes bitmap, std::uint32_t from, std::uint32_t end) {
    return next_bit(bitmap, from, end, 0);
}

BitRun find_clear_run(ConstBytes bitmap, std::uint32_t from, std::uint32_t end, std::uint32_t wanted) {
    BitRun best;
    while (from < end) {
        std::uint32_t first = next_clear_bit(bitmap, from, end);
        if (first >= end) break;
        std::uint32_t behind = next_set_bit(bitmap, first, std::min(end, first + wanted));
        if (behind - first > best.count) best = {first, behind - first};
        if (best.count == wanted) break;
        from = behind;
    }
    return best;
}

std::uint32_t count_clear_bits(ConstBytes bitmap, std::uint32_t end) {
    std::uint32_t count = 0;
    std::uint32_t bit = 0;
    for (; bit + word_bits <= end; bit += word_bits) {
        count += static_cast<std::uint32_t>(std::popcount(~word_at(bitmap, bit)));
    }
    for (; bit < end; ++bit) count += bit_is_set(bitmap, bit) ? 0 : 1;
    return count;
}

void set_bits(Bytes bitmap, std::uint32_t first, std::uint32_t count) {
    change_bits(bitmap, first, count, [](std::uint64_t word, std::uint64_t mask) { return word | mask; });
}

void clear_bits(Bytes bitmap, std::uint32_t first, std::uint32_t count) {
    change_bits(bitmap, first, count, [](std::uint64_t word, std::uint64_t mask) { return word & ~mask; });
}

}  // namespace husk::fs::ext4
