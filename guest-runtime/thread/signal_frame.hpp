// SPDX-License-Identifier: Apache-2.0
// What a signal handler finds on its stack: Linux's struct rt_sigframe on x86-64, so that glibc, unwinders and gdb know
// it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest-runtime/arch/context.hpp"
#include "guest-runtime/thread/signal.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

struct SignalRegisters {
    std::uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    std::uint16_t cs, gs, fs, ss;
    std::uint64_t error, trap, old_mask, cr2;
    std::uint64_t vector_state;  // address of an XSAVE image
    std::uint64_t reserved[8];
};
static_assert(sizeof(SignalRegisters) == 256);

struct SignalContext {  // ucontext_t
    std::uint64_t flags;
    std::uint64_t link;
    SignalStack stack;
    SignalRegisters registers;
    SignalSet mask;
};
static_assert(offsetof(SignalContext, registers) == 40 && offsetof(SignalContext, mask) == 296);

struct SignalFrame {
    std::uint64_t return_address;  // the restorer
    SignalContext context;
    SignalInfo info;
};
static_assert(sizeof(SignalFrame) == 8 + 304 + 128);

// Builds the frame for `info` on the stack that `action` asks for and points `context` at the handler. EFAULT when the
// stack is not there. The calling thread's vector registers are live.
Result<> push_signal_frame(arch::Context& context, const SignalAction& action, const SignalInfo& info,
                           SignalSet mask_to_restore, bool restarts_syscall);

// Undoes it: fills `context`, mask and vector registers from the frame behind the stack pointer. Returns whether the
// interrupted system call starts again.
Result<bool> pop_signal_frame(arch::Context& context);

}  // namespace husk::thread
