// SPDX-License-Identifier: Apache-2.0
// The file of an overlay: what a disk has that its base has not.
//
//   0            OverlayHeader, in a page of its own
//   4 KiB        map: bit n % 8 of byte n / 8 says that block n is here and not in the base; whole pages
//   data_offset  block n at n * block_bytes; holes where the overlay has nothing
//
// All numbers are little-endian. A bit reaches the file only after its block's data has reached the medium, so that a
// crash between two flushes leaves either the base's block or the new one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::backend {

inline constexpr std::uint64_t overlay_magic = 0x3156'4f4b'5355'4851;  // "QHUSKOV1"
inline constexpr std::uint32_t overlay_block_bytes = 4096;
inline constexpr std::uint64_t overlay_map_offset = 4096;
inline constexpr std::uint64_t overlay_data_alignment = 1u << 20;

struct OverlayHeader {
    std::uint64_t magic;
    std::uint32_t block_bytes;
    std::uint32_t reserved;
    std::uint64_t size_bytes;  // of the disk, as the base has it
    std::uint64_t data_offset;
};
static_assert(sizeof(OverlayHeader) == 32 && offsetof(OverlayHeader, size_bytes) == 16);

}  // namespace husk::backend
