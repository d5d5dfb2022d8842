// SPDX-License-Identifier: Apache-2.0
// Checks an ELF file's bytes and turns them into an Image; nothing in the file is trusted.
#pragma once

#include <string_view>

#include <husk/abi/memory_layout.hpp>

#include "launcher/image/byte_source.hpp"
#include "launcher/image/image.hpp"

namespace husk::image {

// The launcher's own tables lie below, the hole for registers begins above.
inline constexpr std::uint64_t lowest_address = 4ull << 20;
inline constexpr std::uint64_t highest_address = abi::mmio_hole_begin;
inline constexpr std::uint64_t program_headers_max = 128;
inline constexpr std::uint64_t notes_bytes_max = 64 << 10;
inline constexpr std::uint32_t patch_capacity_max = 1u << 20;

// Image::file stays empty. `name` begins each sentence. Throws host::Error.
[[nodiscard]] Image parse_image(const ByteSource& source, std::string_view name);

}  // namespace husk::image
