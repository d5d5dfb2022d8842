// SPDX-License-Identifier: Apache-2.0
// The image that the runtime is part of, seen through its ELF header in memory.
#pragma once

#include <span>

#include <elf.h>

namespace husk::boot {

const Elf64_Ehdr& image_header();
std::span<const Elf64_Phdr> program_headers();

// Tells the address space about the image's segments. Panics without memory for them.
void adopt_own_segments();

}  // namespace husk::boot
