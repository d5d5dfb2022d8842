// SPDX-License-Identifier: Apache-2.0
// ELF notes: finding one by owner and type, and checking Husk's.
#pragma once

#include <elf.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <husk/abi/image_note.hpp>

#include "launcher/image/byte_source.hpp"
#include "launcher/image/image.hpp"

namespace husk::image {

// The descriptor of the first note of this owner and type among `notes`, which are padded to `alignment` (4 or 8)
// bytes. Damaged notes end the search.
[[nodiscard]] std::optional<std::span<const std::byte>> find_note(std::span<const std::byte> notes,
                                                                  std::uint64_t alignment, std::string_view owner,
                                                                  std::uint32_t type);

// Throws host::Error: no note of Husk's (not_husk_image), or one with another ABI number (abi_mismatch).
[[nodiscard]] abi::ImageNote read_image_note(const ByteSource& source, std::span<const Elf64_Phdr> program_headers,
                                             std::string_view name);

// Throws host::Error unless all code addresses lie in executable segments.
void check_image_note(const abi::ImageNote& note, std::span<const Segment> segments, std::string_view name);

}  // namespace husk::image
