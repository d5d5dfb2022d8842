// SPDX-License-Identifier: Apache-2.0
// What the runtime inside an image says about itself, checked.
#pragma once

#include <cstddef>
#include <string>

#include <husk/abi/image_note.hpp>
#include <husk/abi/patch_table.hpp>

#include "toolchain/image/elf_file.hpp"

namespace husk::toolchain {

struct RuntimeInfo {
    abi::ImageNote note{};
    abi::PatchTable table{};
    std::size_t table_offset = 0;      // in the file
    std::size_t stub_room_offset = 0;  // in the file

    [[nodiscard]] bool is_filled_in() const { return table.count != 0 || table.unpatched_sites != 0; }
};

// Throws Error when there is no note, its ABI number is another, or the patch table it names is not in the file.
[[nodiscard]] RuntimeInfo read_runtime_info(const ElfFile& file, const std::string& name);

}  // namespace husk::toolchain
