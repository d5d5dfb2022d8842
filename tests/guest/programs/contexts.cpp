// SPDX-License-Identifier: Apache-2.0
// makecontext and swapcontext on small stacks, with system calls on them; a null call in a tight loop.
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

ucontext_t main_context, other_context;
int turns = 0;

void body() {
    for (;;) {
        ++turns;
        check_equal(syscall(SYS_getpid), getpid());
        swapcontext(&other_context, &main_context);
    }
}

}  // namespace

int main() {
    alignas(16) static char stack[16384];
    check_equal(getcontext(&other_context), 0);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = sizeof stack;
    other_context.uc_link = nullptr;
    makecontext(&other_context, body, 0);
    for (int i = 0; i < 5000; ++i) check_equal(swapcontext(&main_context, &other_context), 0);
    check_equal(turns, 5000);
    passed("swapcontext");

    // Every register except rax, rcx and r11 survives a system call.
    register long r12 asm("r12") = 12, r9 asm("r9") = 9, r10 asm("r10") = 10, r8 asm("r8") = 8;
    long rax = SYS_getppid, rdi = 1, rsi = 2, rdx = 3, rbx = 4;
    asm volatile("syscall"
                 : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+b"(rbx), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r12)
                 :
                 : "rcx", "r11", "memory");
    check(rax >= 0 && rdi == 1 && rsi == 2 && rdx == 3 && rbx == 4 && r8 == 8 && r9 == 9 && r10 == 10 && r12 == 12);
    passed("registers survive a system call");

    // The red zone too: 128 bytes below the stack pointer belong to the function.
    long intact = 0;
    asm volatile(
        "movq $0x5a5a, -8(%%rsp)\n movq $0x6b6b, -128(%%rsp)\n syscall\n"
        "movq -8(%%rsp), %0\n addq -128(%%rsp), %0"
        : "=&r"(intact), "+a"(rax)
        :
        : "rcx", "r11", "memory");
    (void)rax;
    check_equal(intact, 0x5a5a + 0x6b6b);
    passed("the red zone survives a system call");
}
