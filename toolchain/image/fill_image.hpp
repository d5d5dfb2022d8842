// SPDX-License-Identifier: Apache-2.0
// Fills an image's patch table: from the linked file to the bytes that change in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "toolchain/image/elf_file.hpp"
#include "toolchain/image/husk_note.hpp"

namespace husk::toolchain {

struct Edit {
    std::size_t offset = 0;  // in the file
    std::vector<std::uint8_t> bytes;
};

struct FilledImage {
    std::vector<Edit> edits;
    std::size_t patched = 0;
    std::vector<std::uint64_t> unpatched;  // sites that stay traps, by address
    bool room_was_full = false;
};

// `info` is what read_runtime_info found in `file`; the file still has ld's relocations.
[[nodiscard]] FilledImage fill_image(const ElfFile& file, const RuntimeInfo& info);

}  // namespace husk::toolchain
