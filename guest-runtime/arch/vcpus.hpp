// SPDX-License-Identifier: Apache-2.0
// The machine's vCPUs: how many there are, which of them run, and where each has its area.
#pragma once

#include <cstdint>

#include "guest-runtime/arch/per_cpu.hpp"

namespace husk::arch {

inline constexpr std::uint32_t max_vcpus = 64;  // one bit each in a word

// On vCPU 0, once. `areas`: gpa of vcpu_area::stride_bytes for each.
void initialise_vcpus(std::uint64_t areas, std::uint32_t count);
[[nodiscard]] std::uint32_t vcpu_count();
[[nodiscard]] PerCpu& per_cpu_of(std::uint32_t index);

// Of the calling vCPU. Stable until the thread gives it up.
#if __STDC_HOSTED__
// Unit tests: each thread says which vCPU it stands for.
extern thread_local std::uint32_t hosted_vcpu;
inline std::uint32_t vcpu_index() { return hosted_vcpu; }
#else
inline std::uint32_t vcpu_index() { return per_cpu().mailbox.vcpu_index; }
#endif

constexpr std::uint64_t vcpu_bit(std::uint32_t index) { return 1ull << index; }
// Those that there are: all, without any that turned out to be missing.
[[nodiscard]] std::uint64_t all_vcpus();
void note_missing(std::uint32_t index);

// Bit n: vCPU n has executed its first instruction.
[[nodiscard]] std::uint64_t started_vcpus();
void note_started(std::uint32_t index);
// False as long as the calling vCPU is the only one that runs: nobody else's view of anything matters.
[[nodiscard]] bool others_are_started();

}  // namespace husk::arch
