// SPDX-License-Identifier: Apache-2.0
// Signal handlers: raise, kill, SIGALRM, alternate stack, longjmp out of a handler, exceptions out of a handler.
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

volatile sig_atomic_t count = 0;
volatile sig_atomic_t last = 0;
sigjmp_buf escape;
volatile unsigned long unmapped = 8;

void remember(int number) {
    count = count + 1;
    last = number;
}

void raised() {
    check(signal(SIGUSR1, remember) == SIG_DFL);
    for (int i = 1; i <= 100; ++i) {
        check_equal(raise(SIGUSR1), 0);
        check_equal(count, i);
    }
    check_equal(kill(getpid(), SIGUSR1), 0);
    check_equal(count, 101);
    check_equal(last, SIGUSR1);
    check(signal(SIGUSR1, SIG_IGN) == remember);
    check_equal(raise(SIGUSR1), 0);
    check_equal(count, 101);
}

void alarms() {
    count = 0;
    signal(SIGALRM, remember);
    itimerval every{{0, 5000}, {0, 5000}};
    check_equal(setitimer(ITIMER_REAL, &every, nullptr), 0);
    while (count < 3) pause();
    check_equal(last, SIGALRM);
    count = 0;
    while (count < 3) {  // without a system call: the handler must interrupt a loop
    }
    itimerval off{};
    check_equal(setitimer(ITIMER_REAL, &off, nullptr), 0);
    check_equal(alarm(100), 0u);
    check(alarm(0) >= 99);
}

std::atomic<const char*> handler_stack = nullptr;

void on_other_stack() {
    static char stack[65536];
    stack_t alternate{};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    check_equal(sigaltstack(&alternate, nullptr), 0);
    struct sigaction action {};
    action.sa_flags = SA_ONSTACK;
    action.sa_handler = [](int) {
        const char here = 0;
        handler_stack = &here;
        stack_t current{};
        check_equal(sigaltstack(nullptr, &current), 0);
        check((current.ss_flags & SS_ONSTACK) != 0);
    };
    check_equal(sigaction(SIGUSR2, &action, nullptr), 0);
    check_equal(raise(SIGUSR2), 0);
    check(handler_stack > stack && handler_stack < stack + sizeof stack);
    alternate.ss_flags = SS_DISABLE;
    check_equal(sigaltstack(&alternate, nullptr), 0);
}

void jump_out() {
    struct sigaction action {};
    action.sa_handler = [](int number) { siglongjmp(escape, number); };
    check_equal(sigaction(SIGSEGV, &action, nullptr), 0);
    static int rounds = 0;
    for (rounds = 0; rounds < 50; ++rounds) {
        const int came_back = sigsetjmp(escape, 1);
        if (came_back == 0) {
            *reinterpret_cast<volatile int*>(unmapped) = 1;
            check(false);
        }
        check_equal(came_back, SIGSEGV);
    }
    sigset_t mask;
    check_equal(sigprocmask(SIG_SETMASK, nullptr, &mask), 0);
    check_equal(sigismember(&mask, SIGSEGV), 0);
    signal(SIGSEGV, SIG_DFL);
}

int (*volatile raise_that_may_throw)(int) = raise;  // the declaration says that it never throws

void throw_out() {
    struct sigaction action {};
    action.sa_flags = SA_NODEFER;
    action.sa_handler = [](int) { throw std::runtime_error("from a handler"); };
    check_equal(sigaction(SIGFPE, &action, nullptr), 0);
    try {
        raise_that_may_throw(SIGFPE);
        check(false);
    } catch (const std::runtime_error&) {
    }
    signal(SIGFPE, SIG_DFL);
}

void nested_handlers() {
    count = 0;
    struct sigaction inner {
    }, outer{};
    inner.sa_handler = remember;
    outer.sa_handler = [](int) {
        check_equal(raise(SIGUSR1), 0);
        check_equal(last, SIGUSR1);
        check_equal(raise(SIGUSR2), 0);  // itself: blocked until this handler returns
        if (count == 1) signal(SIGUSR2, remember);
        check_equal(count, 1);
    };
    sigaction(SIGUSR1, &inner, nullptr);
    sigaction(SIGUSR2, &outer, nullptr);
    check_equal(raise(SIGUSR2), 0);
    check_equal(count, 2);
    check_equal(last, SIGUSR2);
}

}  // namespace

int main() {
    raised();
    passed("raise and kill");
    alarms();
    passed("SIGALRM");
    on_other_stack();
    passed("sigaltstack");
    jump_out();
    passed("longjmp out of a handler");
    throw_out();
    passed("exception out of a handler");
    nested_handlers();
    passed("nested handlers");
}
