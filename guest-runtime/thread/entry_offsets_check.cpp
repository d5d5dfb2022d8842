// SPDX-License-Identifier: Apache-2.0
// Proves that entry_offsets.h says what the C++ structs are.
#include "guest-runtime/arch/entry_offsets.h"

#include <husk/abi/boot_info.hpp>
#include <husk/abi/machine.hpp>
#include <husk/abi/memory_layout.hpp>
#include <husk/abi/thread_label.hpp>
#include <husk/abi/version.hpp>

#include "guest-runtime/arch/context.hpp"
#include "guest-runtime/arch/interrupts.hpp"
#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::arch {

static_assert(SELECTOR_USER_DATA == abi::selector::user_data && SELECTOR_USER_CODE == abi::selector::user_code);
static_assert(EXCEPTION_VECTORS == abi::exception_vectors && USER_RFLAGS == abi::user_rflags);
static_assert(GS_CURRENT == abi::vcpu_area::current_thread_offset);
static_assert(sizeof(thread::ThreadHead) == sizeof(abi::ThreadLabel));
static_assert(offsetof(thread::ThreadHead, tid) == offsetof(abi::ThreadLabel, tid));
static_assert(offsetof(thread::ThreadHead, name) == offsetof(abi::ThreadLabel, name));
static_assert(sizeof(Context) == abi::entered_registers_bytes);
static_assert(ABI_NUMBER == abi::abi_number);
static_assert(INTERRUPT_VECTORS == interrupt_vectors);

static_assert(offsetof(Context, r10) == CONTEXT_R10 && offsetof(Context, r9) == CONTEXT_R9);
static_assert(offsetof(Context, r8) == CONTEXT_R8 && offsetof(Context, rax) == CONTEXT_RAX);
static_assert(offsetof(Context, rdx) == CONTEXT_RDX && offsetof(Context, rsi) == CONTEXT_RSI);
static_assert(offsetof(Context, rdi) == CONTEXT_RDI && offsetof(Context, rip) == CONTEXT_RIP);
static_assert(offsetof(Context, rflags) == CONTEXT_RFLAGS && offsetof(Context, rsp) == CONTEXT_RSP);

static_assert(offsetof(PerCpu, mailbox.attention) == GS_ATTENTION);
static_assert(offsetof(PerCpu, mailbox.upcall_stack) == GS_KERNEL_STACK);
static_assert(offsetof(PerCpu, mailbox.upcall_rip) == GS_UPCALL_RIP);
static_assert(offsetof(PerCpu, mailbox.upcall_rsp) == GS_UPCALL_RSP);
static_assert(offsetof(PerCpu, mailbox.upcall_rflags) == GS_UPCALL_RFLAGS);
static_assert(offsetof(PerCpu, scratch) == GS_SCRATCH0 && offsetof(PerCpu, current) == GS_CURRENT);
static_assert(offsetof(PerCpu, frame_plain) == GS_FRAME_PLAIN && offsetof(PerCpu, frame_error) == GS_FRAME_ERROR);
static_assert(offsetof(PerCpu, frame_page_fault) == GS_FRAME_PAGE_FAULT);
static_assert(offsetof(PerCpu, emergency_stack) == GS_EMERGENCY_STACK);
static_assert(offsetof(PerCpu, frame_interrupt) == GS_FRAME_INTERRUPT);
static_assert(offsetof(PerCpu, interrupt_stack) == GS_INTERRUPT_STACK);
static_assert(offsetof(PerCpu, interrupt_rcx) == GS_INTERRUPT_RCX);
static_assert(offsetof(PerCpu, ring0_frame) == GS_RING0_FRAME && offsetof(PerCpu, wait_vector) == GS_WAIT_VECTOR);
static_assert(abi::vcpu_area::ring0_stack_end - 40 == GS_RING0_RIP);
static_assert(abi::vcpu_area::ring0_stack_end - 16 == GS_RING0_RSP);

// Thread's first base class, which therefore lies at its beginning.
static_assert(offsetof(thread::ThreadHead, work) == THREAD_WORK);

static_assert(offsetof(abi::CpuidEntry, subleaf) == CPUID_SUBLEAF && offsetof(abi::CpuidEntry, eax) == CPUID_EAX);
static_assert(offsetof(abi::CpuidEntry, subleaf_matters) == CPUID_SUBLEAF_MATTERS);
static_assert(offsetof(abi::CpuidEntry, edx) == CPUID_EDX && sizeof(abi::CpuidEntry) == CPUID_ENTRY_BYTES);

}  // namespace husk::arch
