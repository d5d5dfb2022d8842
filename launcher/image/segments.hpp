// SPDX-License-Identifier: Apache-2.0
// The loadable segments of an image, checked against the file, the address space and each other.
#pragma once

#include <elf.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "launcher/image/image.hpp"

namespace husk::image {

// By address. Throws host::Error: bad_segments or truncated_elf.
[[nodiscard]] std::vector<Segment> check_segments(std::span<const Elf64_Phdr> program_headers, std::uint64_t file_bytes,
                                                  std::string_view name);

// The segment that holds all of [address, address + bytes), or nullptr.
[[nodiscard]] const Segment* find_segment(std::span<const Segment> segments, std::uint64_t address,
                                          std::uint64_t bytes);

}  // namespace husk::image
