// SPDX-License-Identifier: Apache-2.0
// Integers that lie in memory with the highest byte first.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace husk {

template <class T>
class BigEndian {
    static_assert(std::is_unsigned_v<T> && std::endian::native == std::endian::little);

public:
    BigEndian() = default;
    constexpr BigEndian(T value) : raw_(swap(value)) {}
    constexpr operator T() const { return swap(raw_); }

private:
    static constexpr T swap(T value) {
        if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
        if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
        if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
    }
    T raw_;
};

using Be16 = BigEndian<std::uint16_t>;
using Be32 = BigEndian<std::uint32_t>;
using Be64 = BigEndian<std::uint64_t>;

}  // namespace husk
