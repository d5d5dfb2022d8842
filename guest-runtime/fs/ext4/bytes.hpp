// SPDX-License-Identifier: Apache-2.0
// Fields in the blocks of a disk: copied out of and into spans, little-endian as the CPU is.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace husk::fs::ext4 {

static_assert(std::endian::native == std::endian::little);

using Bytes = std::span<std::byte>;
using ConstBytes = std::span<const std::byte>;

// The caller has checked offsets that come from the disk; a field beyond the span is a bug here. One place for all says
// so: there are hundreds of fields.
[[noreturn, gnu::cold]] void panic_beyond_block();

inline void check_within(std::size_t block_bytes, std::size_t offset, std::size_t field_bytes) {
    if (offset > block_bytes || field_bytes > block_bytes - offset) panic_beyond_block();
}

template <class T>
T load(ConstBytes from, std::size_t offset) {
    static_assert(std::is_trivially_copyable_v<T>);
    check_within(from.size(), offset, sizeof(T));
    T value;
    std::memcpy(&value, from.data() + offset, sizeof value);
    return value;
}

template <class T>
void store(Bytes to, std::size_t offset, std::type_identity_t<T> value) {
    static_assert(std::is_trivially_copyable_v<T>);
    check_within(to.size(), offset, sizeof(T));
    std::memcpy(to.data() + offset, &value, sizeof value);
}

// Numbers that the format keeps in two halves.
constexpr std::uint64_t join(std::uint32_t low, std::uint32_t high) { return low | std::uint64_t{high} << 32; }
constexpr std::uint32_t low_half(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
constexpr std::uint32_t high_half(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }
constexpr std::uint16_t low_word(std::uint64_t value) { return static_cast<std::uint16_t>(value); }
constexpr std::uint16_t high_word(std::uint64_t value) { return static_cast<std::uint16_t>(value >> 16); }

}  // namespace husk::fs::ext4
