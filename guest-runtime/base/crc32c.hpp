// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), the checksum of ext4's metadata and journal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace husk {

inline constexpr std::uint32_t crc32c_start = ~0u;

// Continues `state` over `bytes`, without the usual inversions: the form in which ext4 stores and chains it.
[[nodiscard]] std::uint32_t crc32c(std::uint32_t state, std::span<const std::byte> bytes);

template <class T>
[[nodiscard]] std::uint32_t crc32c_of(std::uint32_t state, const T& object) {
    return crc32c(state, std::as_bytes(std::span(&object, 1)));
}

}  // namespace husk
