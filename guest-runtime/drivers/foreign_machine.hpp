// SPDX-License-Identifier: Apache-2.0
// The platform on a foreign VMM's hardware: local APIC, serial ports, exit by I/O ports.
#pragma once

#include <cstdint>
#include <span>

#include <husk/abi/crash_record.hpp>

namespace husk::foreign_machine {

inline constexpr std::uint16_t debug_exit_port = 0xf4;  // QEMU's isa-debug-exit

// In ring 0, on the final page tables: interrupt controllers and timer. Interrupts come once ring 3 is entered.
// `device_inputs`: of the I/O APIC, where virtio devices interrupt.
void initialise(std::uint64_t tsc_hz, std::uint16_t control_port, std::span<const std::uint32_t> device_inputs);

void wait(std::uint64_t timeout_ns);
[[noreturn]] void exit(int status, int signal);

// The end of a run: prints what our launcher would print.
void report_crash(const abi::CrashRecord& record);

}  // namespace husk::foreign_machine
