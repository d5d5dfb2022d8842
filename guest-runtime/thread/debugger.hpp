// SPDX-License-Identifier: Apache-2.0
// Stops for a debugger that the launcher serves: breakpoints, single steps, and stops that it asks for.
//
// A stop is a doorbell that returns when the application may go on. Single steps are the CPU's own, by rflags.TF: KVM
// without virtualisation hardware knows no other, and neither does it intercept int3. Both therefore come by the IDT,
// like every trap.
#pragma once

#include <cstdint>

#include <husk/abi/stop_record.hpp>

#include "guest-runtime/arch/context.hpp"

namespace husk::thread {

// Once, at boot, under boot_flag::debugger: the first thread stops before the application's first instruction.
void attach_debugger();
[[nodiscard]] bool debugger_is_attached();

// Stops. context: what the application goes on with; null when the vCPU is idle.
void stop_for_debugger(abi::StopReason reason, arch::Context* context);

// Stops before a fault of the application becomes `signal`. false: it shall not.
[[nodiscard]] bool stop_at_fault(int signal, arch::Context& context);

// A #DB or #BP while a debugger is attached. false: it is none of the debugger's.
[[nodiscard]] bool take_debug_trap(std::uint64_t vector, arch::Context& context);

}  // namespace husk::thread
