// SPDX-License-Identifier: Apache-2.0
// What a guest under a debugger tells its launcher when it stops, and what it takes back before it goes on.
#pragma once

#include <cstddef>
#include <cstdint>

#include <husk/abi/crash_record.hpp>

namespace husk::abi {

// CrashThread::wishes, written by the launcher while the guest stands still.
namespace wish {
inline constexpr std::uint32_t take_registers = 1u << 0;  // registers and XSAVE image were changed
inline constexpr std::uint32_t single_step = 1u << 1;     // stop again behind one instruction of the application
}  // namespace wish

enum class StopReason : std::uint32_t {
    asked = 1,       // attention::stop, or the application's first instruction
    step = 2,        // a single step, or a system call instead of it, is over
    breakpoint = 3,  // int3 in the application; rip is behind it
    fault = 4,       // the application's instruction at rip faults, which is about to become StopRecord::signal
};

// The threads' registers are those of the application: of a thread in a system call, as at the call.
struct StopRecord {
    StopReason reason;
    std::uint32_t current_tid;  // who stopped; 0: nobody was running
    std::uint32_t thread_count;
    std::uint32_t signal;       // of fault
    std::uint64_t threads_gpa;  // CrashThread[thread_count]
};
static_assert(sizeof(StopRecord) == 24 && offsetof(StopRecord, threads_gpa) == 16);

}  // namespace husk::abi
