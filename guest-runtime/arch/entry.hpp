// SPDX-License-Identifier: Apache-2.0
// What the assembly files offer to C++, and what C++ gives them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest-runtime/arch/context.hpp"

namespace husk::abi {
struct BootInfo;
struct CpuidEntry;
}  // namespace husk::abi

extern "C" {

// Labels; only their addresses mean something.
extern const char husk_runtime_text_begin[], husk_runtime_text_end[];
extern const char husk_trap_plain[], husk_trap_error[], husk_trap_page_fault[], husk_interrupt_entry[];
extern const char husk_syscall_entry[];
extern const char husk_copy_end[], husk_copy_fault[], husk_trial_end[];
extern const char husk_thread_begin[], husk_runtime_thread_begin[];

long husk_copy(void* to, const void* from, std::size_t size_bytes);
long husk_touch32(void* word);
long husk_try_load32(const void* from, std::uint32_t* to);
long husk_try_exchange32(void* word, std::uint32_t expected, std::uint32_t desired, std::uint32_t* seen);
void husk_switch_stacks(std::uint64_t* save_rsp, std::uint64_t load_rsp);

// The answers of patched cpuid instructions.
extern const husk::abi::CpuidEntry* husk_cpuid_table;
extern std::uint32_t husk_cpuid_count;

// Called by them.
[[noreturn]] void husk_boot(const husk::abi::BootInfo* info);
void husk_trap(husk::arch::Context* context, std::uint64_t vector, std::uint64_t error, std::uint64_t cr2);
// Last stop before the application goes on: timers, signals, other threads' turns. May change the context.
void husk_leave_runtime(husk::arch::Context* context);
void husk_finish_switch();
[[noreturn]] void husk_end_runtime_thread();
long husk_unknown_syscall(husk::arch::Context* context);
}

namespace husk::arch {

[[nodiscard]] inline bool is_runtime_text(std::uint64_t rip) {
    // SAFETY: addresses only, nothing is read.
    return rip >= reinterpret_cast<std::uint64_t>(husk_runtime_text_begin) &&
           rip < reinterpret_cast<std::uint64_t>(husk_runtime_text_end);
}

}  // namespace husk::arch
