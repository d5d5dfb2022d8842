// SPDX-License-Identifier: Apache-2.0
// The host's own CPU, asked directly.
#pragma once

#include <cstdint>
#include <span>

#include <husk/abi/boot_info.hpp>

#include "launcher/kvm/cpu_model.hpp"

namespace husk::kvm {

[[nodiscard]] Kind probe_kind();

[[nodiscard]] std::uint64_t host_xcr0();

// Every basic, extended and hypervisor leaf, less the identity of the CPU that happens to run this. Returns the number
// of entries stored. Each costs about 4 us where the host is a virtual machine itself.
[[nodiscard]] std::uint32_t read_host_cpuid(std::span<abi::CpuidEntry> to);

// Changes with the CPU model, the features its microcode shows, the kernel and the kind of KVM. Takes about 2 us.
[[nodiscard]] std::uint64_t host_fingerprint();

}  // namespace husk::kvm
