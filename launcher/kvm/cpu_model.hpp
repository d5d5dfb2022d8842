// SPDX-License-Identifier: Apache-2.0
// What `cpuid` and XSAVE are to the guest, on this host's kind of KVM.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <husk/abi/boot_info.hpp>

#include "launcher/kvm/kvm_abi.hpp"
#include "launcher/kvm/system.hpp"

namespace husk::kvm {

// hw: VMX or SVM underneath, cpuid and XCR0 are virtual. pvm: ring 3 runs on the host's CPU as it is and sees the
// host's answers, whatever KVM was told.
enum class Kind : std::uint32_t { hw, pvm };

// x87, SSE, AVX and AVX-512. The rest of XSAVE's components is not for guests: 8 KiB of AMX tiles per thread, PKRU.
inline constexpr std::uint64_t xcr0_allowed = 0xe7;

struct CpuModel {
    Kind kind = Kind::hw;
    std::uint32_t xsave_size_bytes = 0;  // standard format, all of xcr0
    std::uint64_t xcr0 = 0;
    CpuidTable for_kvm;  // KVM_SET_CPUID2's
    std::uint32_t guest_count = 0;
    std::array<abi::CpuidEntry, cpuid_capacity> guest_entries;  // what cpuid will answer in ring 3

    [[nodiscard]] std::span<const abi::CpuidEntry> guest_cpuid() const { return {guest_entries.data(), guest_count}; }
    [[nodiscard]] bool has_giant_pages() const;
};

// Asks KVM and the CPU: about 1 ms.
[[nodiscard]] CpuModel probe_cpu_model(const System& system);

// Pure parts of the above.
void restrict_to_xcr0(CpuidTable& table, std::uint64_t xcr0);
[[nodiscard]] std::uint32_t xsave_size_bytes(std::span<const abi::CpuidEntry> entries, std::uint64_t xcr0);
void describe_virtual_cpu(CpuModel& model);  // guest_entries from for_kvm

}  // namespace husk::kvm
