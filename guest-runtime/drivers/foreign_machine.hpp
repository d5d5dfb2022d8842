// SPDX-License-Identifier: Apache-2.0
// The platform on a foreign VMM's hardware: local APIC, serial ports, exit by I/O ports.
#pragma once

#include <cstdint>
#include <span>

#include <husk/abi/crash_record.hpp>

#include "guest-runtime/arch/per_cpu.hpp"

namespace husk::foreign_machine {

inline constexpr std::uint16_t debug_exit_port = 0xf4;  // QEMU's isa-debug-exit

// In ring 0, on the final page tables: interrupt controllers and timer. Interrupts come once ring 3 is entered.
// `device_inputs`: of the I/O APIC, where virtio devices interrupt.
void initialise(std::uint64_t tsc_hz, std::uint16_t control_port, std::span<const std::uint32_t> device_inputs);

// The same for another CPU, in ring 0 on it.
void initialise_secondary(arch::PerCpu& cpu);

// The local APIC of each vCPU. In ring 0, before there are others.
void name_cpus(std::span<const std::uint8_t> apics);
// Of the page below 1 MiB where a CPU begins [sdm3 9.4.4]. Once it runs code of the image, it is vCPU `index` that
// comes up: prepare() says so before each start, of which there is one at a time.
void set_start_page(std::uint8_t number, void (*prepare)(std::uint32_t index));

void wait(std::uint64_t timeout_ns);
void wake_vcpu(std::uint32_t index);
void give_up_vcpu(std::uint32_t index);
void interrupt_vcpu(std::uint32_t index);
void update_timer_of(std::uint32_t index);
[[noreturn]] void exit(int status, int signal);

// The end of a run: prints what our launcher would print.
void report_crash(const abi::CrashRecord& record);

}  // namespace husk::foreign_machine
