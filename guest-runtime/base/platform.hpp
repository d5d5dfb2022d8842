// SPDX-License-Identifier: Apache-2.0
// What the runtime wants of whatever runs the VM: doorbells under our launcher, plain hardware under a foreign VMM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <husk/abi/boot_info.hpp>
#include <husk/abi/crash_record.hpp>
#include <husk/abi/stop_record.hpp>

#include "guest-runtime/base/result.hpp"

namespace husk::platform {

// Set once, before ring 3 is entered.
extern bool is_foreign;

// Idles until something happens or the time is over; may return early.
void wait(std::uint64_t timeout_ns);
// Lets others run for a moment: the vCPU spins for one that may have no CPU.
void give_way();
// Ends that vCPU's wait, now or when it next waits; starts a vCPU that has never run.
void wake_vcpu(std::uint32_t index);
// A vCPU that was woken for the first time has not come: says so, and sees to it that it never does. Only where
// is_foreign: our launcher ends the VM when it cannot make one.
void give_up_vcpu(std::uint32_t index);
// Brings a vCPU that has been started out of the application's code, with attention::peer set, or ends its wait.
void interrupt_vcpu(std::uint32_t index);

// VcpuMailbox::want_tick or timer_deadline_tsc has changed. Our launcher looks by itself.
void update_foreign_timer();
void update_foreign_timer_of(std::uint32_t vcpu);
inline void on_timer_wish() {
    if (is_foreign) update_foreign_timer();
}
// The same in the mailbox of another vCPU.
inline void on_timer_wish_of(std::uint32_t vcpu) {
    if (is_foreign) update_foreign_timer_of(vcpu);
}

// Looks what the devices have finished; for attention::devices.
void serve_devices();

// EAGAIN: nothing now, attention::console follows. Buffers lie in the physmap.
Result<std::size_t> console_read(std::span<std::byte> buffer);
Result<std::size_t> console_write(int stream, std::span<const std::byte> bytes);
unsigned console_poll(int stream, unsigned wanted);

// How many of these free blocks, from the first on, the host has taken: they read as 0 from now on. The list lies in
// the image.
Result<std::size_t> give_back(std::span<const abi::PhysRange> blocks);

void log(std::string_view line);
// A whole TraceRecord. False: nobody takes such records.
bool trace(std::span<const std::byte> record);
void crash(const abi::CrashRecord& record);
// Returns when the debugger lets the application go on, with what the `stop` doorbell says.
[[nodiscard]] std::int64_t stop(abi::StopRecord& record);
[[noreturn]] void exit(int status, int signal);

}  // namespace husk::platform
