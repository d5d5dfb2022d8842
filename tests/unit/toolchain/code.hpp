// SPDX-License-Identifier: Apache-2.0
// Machine code for tests, put together byte by byte.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "toolchain/image/code_map.hpp"
#include "toolchain/image/patch_plan.hpp"

namespace husk::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes join(std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

inline const Bytes mov_eax_39{0xb8, 39, 0, 0, 0};
inline const Bytes mov_rax_15{0x48, 0xc7, 0xc0, 15, 0, 0, 0};
inline const Bytes syscall{0x0f, 0x05};
inline const Bytes cpuid{0x0f, 0xa2};
inline const Bytes ret{0xc3};
inline const Bytes nop{0x90};
inline const Bytes xor_ecx{0x31, 0xc9};
inline const Bytes xor_eax{0x31, 0xc0};
inline const Bytes compare_rax{0x48, 0x3d, 0x00, 0xf0, 0xff, 0xff};  // cmp $-4096, %rax

inline constexpr std::uint64_t base = 0x401000;

// Code at `base` whose first byte is the one entry, planned with further jump targets.
inline toolchain::PatchPlans plan(const Bytes& code, std::vector<std::uint64_t> targets = {},
                                  std::vector<toolchain::AddressRange> excluded = {}) {
    const toolchain::CodeBytes section{base, code};
    const std::uint64_t entry = base;
    auto map = toolchain::explore({&section, 1}, {&entry, 1});
    targets.push_back(entry);
    targets.insert(targets.end(), map.jump_targets.begin(), map.jump_targets.end());
    return toolchain::plan_patches(map.instructions, toolchain::AddressSet(targets), excluded);
}

}  // namespace husk::test
