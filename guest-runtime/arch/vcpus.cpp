// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/arch/vcpus.hpp"

#include <algorithm>
#include <array>
#include <atomic>

namespace husk::arch {

#if __STDC_HOSTED__
thread_local std::uint32_t hosted_vcpu = 0;
static std::array<PerCpu, max_vcpus> hosted_areas;
#endif

namespace {

constinit std::uint64_t areas_gpa = 0;
constinit std::uint32_t count = 1;
constinit std::atomic<std::uint64_t> started = vcpu_bit(0);
constinit std::atomic<std::uint64_t> missing = 0;

}  // namespace

void initialise_vcpus(std::uint64_t areas, std::uint32_t vcpus) {
    areas_gpa = areas;
    count = std::clamp(vcpus, 1u, max_vcpus);
}

std::uint32_t vcpu_count() { return count; }

PerCpu& per_cpu_of(std::uint32_t index) {
#if __STDC_HOSTED__
    return hosted_areas[index];
#else
    // SAFETY: the boot info names an area for each vCPU, each begins with its mailbox and is mapped in the physmap.
    return *reinterpret_cast<PerCpu*>(abi::physmap({areas_gpa + index * abi::vcpu_area::stride_bytes}).value);
#endif
}

std::uint64_t all_vcpus() {
    return (count == 64 ? ~0ull : vcpu_bit(count) - 1) & ~missing.load(std::memory_order_seq_cst);
}
void note_missing(std::uint32_t index) { missing.fetch_or(vcpu_bit(index), std::memory_order_seq_cst); }

std::uint64_t started_vcpus() { return started.load(std::memory_order_seq_cst); }
void note_started(std::uint32_t index) { started.fetch_or(vcpu_bit(index), std::memory_order_seq_cst); }
bool others_are_started() { return started.load(std::memory_order_seq_cst) != vcpu_bit(0); }

}  // namespace husk::arch
