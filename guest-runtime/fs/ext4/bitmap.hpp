// SPDX-License-Identifier: Apache-2.0
// Searches and changes in an allocation bitmap: bit i of the group is bit i % 8 of byte i / 8, 1 means taken.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/ext4/bytes.hpp"

namespace husk::fs::ext4 {

struct BitRun {
    std::uint32_t first = 0;
    std::uint32_t count = 0;  // 0: nothing found
};

[[nodiscard]] bool bit_is_set(ConstBytes bitmap, std::uint32_t bit);
// The first clear (or set) bit in [from, end), or `end`.
[[nodiscard]] std::uint32_t next_clear_bit(ConstBytes bitmap, std::uint32_t from, std::uint32_t end);
[[nodiscard]] std::uint32_t next_set_bit(ConstBytes bitmap, std::uint32_t from, std::uint32_t end);
// The first run of `wanted` clear bits in [from, end), or else the longest one.
[[nodiscard]] BitRun find_clear_run(ConstBytes bitmap, std::uint32_t from, std::uint32_t end, std::uint32_t wanted);
[[nodiscard]] std::uint32_t count_clear_bits(ConstBytes bitmap, std::uint32_t end);
void set_bits(Bytes bitmap, std::uint32_t first, std::uint32_t count);
void clear_bits(Bytes bitmap, std::uint32_t first, std::uint32_t count);

}  // namespace husk::fs::ext4
