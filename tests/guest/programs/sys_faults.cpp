// SPDX-License-Identifier: Apache-2.0
// Synchronous faults reach handlers with the right number, code and address, and the context can be changed.
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdint>
#include <thread>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

sigjmp_buf escape;
int number = 0, code = 0;
void* address = nullptr;

void on_fault(int signal_number, siginfo_t* info, void*) {
    number = signal_number;
    code = info->si_code;
    address = info->si_addr;
    siglongjmp(escape, 1);
}

void handle(int signal_number, void (*handler)(int, siginfo_t*, void*), int flags = 0) {
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO | flags;
    action.sa_sigaction = handler;
    check_equal(sigaction(signal_number, &action, nullptr), 0);
}

template <class Action>
void expect(int signal_number, int signal_code, const void* at, Action action) {
    number = 0;
    if (sigsetjmp(escape, 1) == 0) {
        action();
        check(false);
    }
    check_equal(number, signal_number);
    check_equal(code, signal_code);
    if (at != nullptr) check(address == at);
}

volatile std::uintptr_t unmapped = 0x10;
volatile int zero = 0;

void segmentation_faults() {
    expect(SIGSEGV, SEGV_MAPERR, reinterpret_cast<void*>(0x10), [] { *reinterpret_cast<volatile int*>(unmapped) = 1; });
    void* page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)*static_cast<volatile char*>(page);
    char* inside = static_cast<char*>(page) + 100;
    expect(SIGSEGV, SEGV_ACCERR, inside, [=] { *static_cast<volatile char*>(inside) = 1; });
    munmap(page, 4096);
    static const std::uintptr_t wild = 0x8000'0000'0000'0000;  // not canonical: no address in the siginfo
    expect(SIGSEGV, SI_KERNEL, nullptr, [] { *reinterpret_cast<volatile int*>(wild) = 1; });
    expect(SIGSEGV, SI_KERNEL, nullptr, [] { asm volatile("hlt"); });
    expect(SIGSEGV, SEGV_MAPERR, reinterpret_cast<void*>(0x10), [] { reinterpret_cast<void (*)()>(unmapped)(); });
}

void other_faults() {
    expect(SIGFPE, FPE_INTDIV, nullptr, [] { zero = 1000 / zero; });
    expect(SIGILL, ILL_ILLOPN, nullptr, [] { asm volatile("ud2"); });
    expect(SIGTRAP, SI_KERNEL, nullptr, [] { asm volatile("int3"); });
}

void on_another_thread() {
    std::thread([] { segmentation_faults(); }).join();
}

void context_is_written_back() {
    handle(SIGILL, [](int, siginfo_t* info, void* raw) {
        auto* context = static_cast<ucontext_t*>(raw);
        check_equal(reinterpret_cast<greg_t>(info->si_addr), context->uc_mcontext.gregs[REG_RIP]);
        context->uc_mcontext.gregs[REG_RIP] += 2;  // over the ud2
        context->uc_mcontext.gregs[REG_RBX] *= 2;
    });
    long value = 21;
    asm volatile("ud2" : "+b"(value));
    check_equal(value, 42);
    handle(SIGILL, on_fault);
}

volatile int bottom = -1;

[[gnu::noinline]] int descend(int depth) {
    volatile char frame[512];
    frame[0] = static_cast<char>(depth);
    if (depth == bottom) return 0;
    return descend(depth + 1) + frame[0];
}

void stack_overflow_on_alternate_stack() {
    static char stack[65536];
    stack_t alternate{};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    check_equal(sigaltstack(&alternate, nullptr), 0);
    handle(SIGSEGV, on_fault, SA_ONSTACK);
    for (int round = 0; round < 2; ++round) {
        number = 0;
        if (sigsetjmp(escape, 1) == 0) {
            (void)descend(0);
            check(false);
        }
        check_equal(number, SIGSEGV);
        stack_t now{};
        check_equal(sigaltstack(nullptr, &now), 0);
        check_equal(now.ss_flags, 0);
    }
}

}  // namespace

int main() {
    for (const int signal_number : {SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGBUS}) handle(signal_number, on_fault);
    segmentation_faults();
    passed("SIGSEGV");
    other_faults();
    passed("SIGFPE, SIGILL, SIGTRAP");
    on_another_thread();
    passed("on another thread");
    context_is_written_back();
    passed("context is written back");
    stack_overflow_on_alternate_stack();
    passed("stack overflow on the alternate stack");
}
