// SPDX-License-Identifier: Apache-2.0
// The code of one stub: what a patched site jumps to.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "toolchain/image/patch_plan.hpp"

namespace husk::toolchain {

// Where stubs hand over to the runtime, see abi::PatchTable.
struct StubTargets {
    std::uint64_t syscall_entry = 0;
    std::uint64_t cpuid_entry = 0;
};

// Machine code of the stub for `plan` when placed at `address`; `code` are the bytes [plan.begin(), plan.end()).
// Nothing when a jump or a re-biased displacement does not reach, or an address does not fit into 32 bits.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> try_emit_stub(const PatchPlan& plan,
                                                                     std::span<const std::uint8_t> code,
                                                                     std::uint64_t address, const StubTargets& targets);

// Can `jmp rel32` at `from` reach `to`?
[[nodiscard]] bool jump_reaches(std::uint64_t from, std::uint64_t to);

}  // namespace husk::toolchain
