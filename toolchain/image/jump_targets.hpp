// SPDX-License-Identifier: Apache-2.0
// The addresses at which control may enter code, as far as a file's symbols, relocations and exception tables tell.
#pragma once

#include <cstdint>
#include <vector>

#include "toolchain/image/elf_file.hpp"
#include "toolchain/image/patch_plan.hpp"

namespace husk::toolchain {

struct JumpTargets {
    std::vector<std::uint64_t> entries;    // surely code
    std::vector<std::uint64_t> possible;   // perhaps code, perhaps data: only kept out of patches
    std::vector<AddressRange> unreadable;  // code whose targets are not known
};

[[nodiscard]] JumpTargets collect_jump_targets(const ElfFile& file);

}  // namespace husk::toolchain
