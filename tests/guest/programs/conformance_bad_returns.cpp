// SPDX-License-Identifier: Apache-2.0
// Signal handlers that lie where no code can be, and those that return there.
#include <ucontext.h>

#include <csetjmp>
#include <cstdint>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

constexpr std::uint64_t no_address = 0x8000'0000'0000'0000;
char other_stack[1 << 16];
sigjmp_buf back;

void on_fault(int number, siginfo_t* info, void* context) {
    is("signal", number);
    is("code", info->si_code);
    const auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    holds("at the address", static_cast<std::uint64_t>(registers[REG_RIP]) == no_address);
    is("trap", registers[REG_TRAPNO]);
    siglongjmp(back, 1);
}

void handle(int number, void (*handler)(int, siginfo_t*, void*), int flags) {
    struct sigaction action = {};
    action.sa_sigaction = handler;
    action.sa_flags = flags | SA_SIGINFO;
    sigaction(number, &action, nullptr);
}

void raise_once() {
    if (sigsetjmp(back, 1) == 0) {
        raise(SIGUSR1);
        std::printf("    goes on\n");
    }
}

}  // namespace

int main() {
    std::setvbuf(stdout, nullptr, _IOLBF, 1 << 16);
    stack_t stack = {};
    stack.ss_sp = other_stack;
    stack.ss_size = sizeof other_stack;
    sigaltstack(&stack, nullptr);
    handle(SIGSEGV, on_fault, SA_ONSTACK);
    scenario(SYS_rt_sigaction, "a handler that is no address", [] {
        // SAFETY: never called by this program.
        handle(SIGUSR1, reinterpret_cast<void (*)(int, siginfo_t*, void*)>(no_address), 0);
        raise_once();
    });
    scenario(SYS_rt_sigreturn, "a handler that returns to no address", [] {
        auto astray = [](int, siginfo_t*, void* context) {
            static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(no_address);
        };
        handle(SIGUSR1, astray, 0);
        raise_once();
    });
    scenario(SYS_rt_sigaction, "nothing catches it", [] {
        signal(SIGSEGV, SIG_DFL);
        std::fflush(stdout);
        raise(SIGUSR1);
        std::printf("    goes on\n");
    });
}
