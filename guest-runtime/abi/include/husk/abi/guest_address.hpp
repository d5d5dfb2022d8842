// SPDX-License-Identifier: Apache-2.0
// Guest addresses as types that cannot be dereferenced or mixed up by accident.
#pragma once

#include <compare>
#include <cstdint>

namespace husk::abi {

inline constexpr std::uint64_t page_size = 4096;
inline constexpr std::uint64_t large_page_size = 2ull << 20;
inline constexpr std::uint64_t giant_page_size = 1ull << 30;

template <class Tag>
struct Address {
    std::uint64_t value = 0;

    // NOLINTNEXTLINE(modernize-use-nullptr): the check sees a literal 0 in what the compiler makes of this
    friend constexpr auto operator<=>(Address, Address) = default;
    friend constexpr Address operator+(Address a, std::uint64_t bytes) { return {a.value + bytes}; }
    friend constexpr Address operator-(Address a, std::uint64_t bytes) { return {a.value - bytes}; }
    friend constexpr std::uint64_t operator-(Address a, Address b) { return a.value - b.value; }

    [[nodiscard]] constexpr bool is_aligned(std::uint64_t alignment) const { return (value & (alignment - 1)) == 0; }
};

using GuestPhys = Address<struct GuestPhysTag>;  // gpa: what page tables and virtqueues hold
using GuestVirt = Address<struct GuestVirtTag>;  // a virtual address inside the guest

// Rounds to a multiple of `alignment`, a power of two.
constexpr std::uint64_t align_down(std::uint64_t value, std::uint64_t alignment) { return value & ~(alignment - 1); }
constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
    return align_down(value + alignment - 1, alignment);
}

}  // namespace husk::abi
