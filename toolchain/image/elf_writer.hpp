// SPDX-License-Identifier: Apache-2.0
// Writes an ELF executable without the relocations that --emit-relocs left in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace husk::toolchain {

// Loaded bytes keep their file offsets; everything behind them moves up. `mode_of` lends its permissions to the new
// file, which takes the place of `path` in one step.
void write_without_relocations(std::vector<std::uint8_t> elf_bytes, const std::filesystem::path& path,
                               const std::filesystem::path& mode_of);

}  // namespace husk::toolchain
