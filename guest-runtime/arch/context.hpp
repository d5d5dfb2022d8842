// SPDX-License-Identifier: Apache-2.0
// The general registers of interrupted ring-3 code, as the entry paths lay them on a kernel stack.
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::arch {

// The order of Linux's user_regs_struct; from rip on it is what `iretq` pops. Vector registers stay in the CPU: the
// runtime is built without them, and a thread switch saves them.
struct Context {
    std::uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    std::uint64_t orig_rax;  // system call number, or -1 for a trap or a pre-emption
    std::uint64_t rip, cs, rflags, rsp, ss;
};
static_assert(sizeof(Context) == 21 * 8 && offsetof(Context, orig_rax) == 120 && offsetof(Context, rsp) == 152);

}  // namespace husk::arch
