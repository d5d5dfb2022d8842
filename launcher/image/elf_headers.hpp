// SPDX-License-Identifier: Apache-2.0
// The ELF header and program headers of a static x86-64 executable.
#pragma once

#include <elf.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "launcher/image/byte_source.hpp"

namespace husk::image {

struct ElfHeaders {
    std::uint64_t entry = 0;
    std::vector<Elf64_Phdr> program_headers;
};

// Throws host::Error: not an ELF, truncated, another machine, dynamic.
[[nodiscard]] ElfHeaders parse_elf_headers(const ByteSource& source, std::string_view name);

}  // namespace husk::image
