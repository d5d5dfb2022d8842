// SPDX-License-Identifier: Apache-2.0
// CRC-32 with the highest bit first: the checksum of whole transactions in journals with COMPAT_CHECKSUM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace husk::journal {

inline constexpr std::uint32_t crc32_be_start = ~0u;
// Without inversion at the end.
[[nodiscard]] std::uint32_t crc32_be(std::uint32_t state, std::span<const std::byte> bytes);

}  // namespace husk::journal
