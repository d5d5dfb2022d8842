// SPDX-License-Identifier: Apache-2.0
// Which bytes around each `syscall` and `cpuid` move into a stub, so that five of them can become a jump.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "toolchain/image/address_set.hpp"
#include "toolchain/image/instruction.hpp"

namespace husk::toolchain {

inline constexpr std::uint64_t jump_bytes = 5;         // jmp rel32
inline constexpr std::uint64_t max_window_bytes = 32;  // PatchEntry::length

struct AddressRange {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    [[nodiscard]] bool contains(std::uint64_t address) const { return address >= begin && address < end; }
};

// The bytes [front or site, behind or site's end) turn into a jump; front and behind move into the stub.
struct PatchPlan {
    Instruction site;
    std::vector<Instruction> front;                 // executed before it, by address
    std::vector<Instruction> behind;                // executed after it
    std::optional<std::uint32_t> call_number = {};  // of the system call, when it is a constant

    [[nodiscard]] std::uint64_t begin() const { return front.empty() ? site.address : front.front().address; }
    [[nodiscard]] std::uint64_t end() const { return behind.empty() ? site.end() : behind.back().end(); }
};

struct PatchPlans {
    std::vector<PatchPlan> plans;         // by address
    std::vector<std::uint64_t> unserved;  // sites that stay as they are
};

// Plans a patch for each site in `instructions` (by address). Control may enter at any of `jump_targets`, so none lies
// inside what is replaced. Nothing in `excluded` is looked at. Instructions in front are preferred: then the return
// address in rcx is the one that an unpatched `syscall` leaves there.
[[nodiscard]] PatchPlans plan_patches(std::span<const Instruction> instructions, const AddressSet& jump_targets,
                                      std::span<const AddressRange> excluded);

}  // namespace husk::toolchain
