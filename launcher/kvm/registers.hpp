// SPDX-License-Identifier: Apache-2.0
// The contract's first register state in KVM's structs.
#pragma once

#include <linux/kvm.h>

#include "launcher/kvm/cpu_state.hpp"

namespace husk::kvm {

[[nodiscard]] kvm_regs general_registers(const CpuState& state);

// boot_cpu: the one whose APIC says so.
[[nodiscard]] kvm_sregs special_registers(const CpuState& state, bool boot_cpu);

}  // namespace husk::kvm
