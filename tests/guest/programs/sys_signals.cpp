// SPDX-License-Identifier: Apache-2.0
// Signals by system call: action flags, masks, pending, sigsuspend, sigwaitinfo, sigtimedwait, tgkill, SA_RESTART.
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/guest/check.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

volatile sig_atomic_t count = 0;
std::atomic<int> handler_tid = 0;

int tid() { return static_cast<int>(syscall(SYS_gettid)); }

sigset_t set_of(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

void install(int number, int flags, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_flags = flags;
    action.sa_handler = handler;
    check_equal(sigaction(number, &action, nullptr), 0);
}

void counting(int) {
    handler_tid = tid();  // first: who sees the count reads it
    count = count + 1;
}

void action_flags() {
    count = 0;
    install(SIGUSR1, static_cast<int>(SA_RESETHAND), counting);
    raise(SIGUSR1);
    check_equal(count, 1);
    struct sigaction current {};
    check_equal(sigaction(SIGUSR1, nullptr, &current), 0);
    check(current.sa_handler == SIG_DFL);

    install(SIGUSR1, SA_NODEFER, [](int) {
        count = count + 1;
        if (count < 5) raise(SIGUSR1);
    });
    raise(SIGUSR1);
    check_equal(count, 5);
    struct sigaction refused {};
    refused.sa_handler = counting;
    check_fails(sigaction(SIGKILL, &refused, nullptr), EINVAL);
    check_fails(sigaction(SIGSTOP, &refused, nullptr), EINVAL);
    check_fails(sigaction(99, &refused, nullptr), EINVAL);
}

void masks_and_pending() {
    count = 0;
    install(SIGUSR2, 0, counting);
    const sigset_t usr2 = set_of(SIGUSR2);
    sigset_t old, pending, none;
    sigemptyset(&none);
    check_equal(pthread_sigmask(SIG_BLOCK, &usr2, &old), 0);
    check_equal(sigismember(&old, SIGUSR2), 0);
    raise(SIGUSR2);
    raise(SIGUSR2);
    check_equal(count, 0);
    check_equal(sigpending(&pending), 0);
    check_equal(sigismember(&pending, SIGUSR2), 1);
    check_fails(sigsuspend(&none), EINTR);
    check_equal(count, 1);  // standard signals do not queue
    pthread_sigmask(SIG_SETMASK, nullptr, &old);
    check_equal(sigismember(&old, SIGUSR2), 1);
    raise(SIGUSR2);
    pthread_sigmask(SIG_UNBLOCK, &usr2, nullptr);
    check_equal(count, 2);
    signal(SIGUSR2, SIG_DFL);
}

void waits_for() {
    const sigset_t usr1 = set_of(SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
    const timespec soon{0, 10'000'000};
    siginfo_t info{};
    check_fails(sigtimedwait(&usr1, &info, &soon), EAGAIN);
    raise(SIGUSR1);
    check_equal(sigwaitinfo(&usr1, &info), SIGUSR1);
    check_equal(info.si_signo, SIGUSR1);
    check_equal(info.si_pid, getpid());
    std::thread sender([] {
        std::this_thread::sleep_for(10ms);
        kill(getpid(), SIGUSR1);
    });
    int number = 0;
    check_equal(sigwait(&usr1, &number), 0);
    check_equal(number, SIGUSR1);
    sender.join();
    pthread_sigmask(SIG_UNBLOCK, &usr1, nullptr);
}

void queued_values() {
    static int sum = 0;
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t* info, void* context) {
        check(info->si_code == SI_QUEUE && context != nullptr);
        sum += info->si_value.sival_int;
    };
    sigaction(SIGRTMIN, &action, nullptr);
    const sigset_t set = set_of(SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    for (int i = 1; i <= 10; ++i) check_equal(sigqueue(getpid(), SIGRTMIN, {i}), 0);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    check_equal(sum, 55);  // real-time signals queue
}

void to_one_thread() {
    count = 0;
    install(SIGUSR1, 0, counting);
    std::atomic<int> target = 0;
    std::atomic<bool> stop = false;
    std::thread other([&] {
        target = tid();
        while (!stop) std::this_thread::sleep_for(1ms);
    });
    while (target == 0) std::this_thread::yield();
    check_equal(syscall(SYS_tgkill, getpid(), target.load(), SIGUSR1), 0);
    while (count < 1) std::this_thread::yield();
    check_equal(handler_tid.load(), target.load());
    check_equal(pthread_kill(other.native_handle(), SIGUSR1), 0);
    while (count < 2) std::this_thread::yield();
    check_equal(handler_tid.load(), target.load());
    stop = true;
    other.join();
    check_fails(syscall(SYS_tgkill, getpid(), 999999, 0), ESRCH);
    check_equal(kill(getpid(), 0), 0);
    check_fails(kill(getpid(), 99), EINVAL);
}

void to_whom_it_is_not_blocked() {
    count = 0;
    install(SIGUSR1, 0, counting);
    std::atomic<int> other_tid = 0;
    std::atomic<bool> stop = false;
    std::thread other([&] {
        other_tid = tid();
        while (!stop) std::this_thread::sleep_for(1ms);
    });
    while (other_tid == 0) std::this_thread::yield();
    const sigset_t usr1 = set_of(SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
    kill(getpid(), SIGUSR1);
    while (count < 1) std::this_thread::yield();
    check_equal(handler_tid.load(), other_tid.load());
    stop = true;
    other.join();
    pthread_sigmask(SIG_UNBLOCK, &usr1, nullptr);
}

// A read that a signal interrupts: starts again with SA_RESTART, fails with EINTR without.
void restarts() {
    for (const int flags : {SA_RESTART, 0}) {
        count = 0;
        install(SIGALRM, flags, counting);
        int ends[2];
        check_equal(pipe(ends), 0);
        const bool starts_again = flags == SA_RESTART;
        std::thread writer([&] {
            const sigset_t alarm_only = set_of(SIGALRM);
            pthread_sigmask(SIG_BLOCK, &alarm_only, nullptr);
            while (count == 0) std::this_thread::sleep_for(1ms);
            if (!starts_again) return;
            std::this_thread::sleep_for(20ms);
            check_equal(write(ends[1], "x", 1), 1);
        });
        // Without SA_RESTART the alarm comes again and again: the first may be early, before read() has begun.
        const itimerval alarm{{0, starts_again ? 0 : 20'000}, {0, 20'000}};
        setitimer(ITIMER_REAL, &alarm, nullptr);
        char byte = 0;
        const ssize_t got = read(ends[0], &byte, 1);
        const int error = errno;
        const itimerval off{};
        setitimer(ITIMER_REAL, &off, nullptr);
        if (starts_again) {
            check(got == 1 && byte == 'x');
        } else {
            check(got == -1 && error == EINTR);
        }
        writer.join();
        close(ends[0]);
        close(ends[1]);
    }
}

void broken_pipe() {
    count = 0;
    install(SIGPIPE, 0, counting);
    int ends[2];
    check_equal(pipe(ends), 0);
    close(ends[0]);
    check_fails(write(ends[1], "x", 1), EPIPE);
    check_equal(count, 1);
    close(ends[1]);
}

}  // namespace

int main() {
    action_flags();
    passed("sigaction flags");
    masks_and_pending();
    passed("masks, pending, sigsuspend");
    waits_for();
    passed("sigwaitinfo and sigtimedwait");
    queued_values();
    passed("sigqueue");
    to_one_thread();
    passed("tgkill");
    to_whom_it_is_not_blocked();
    passed("process signal goes to a thread that takes it");
    restarts();
    passed("SA_RESTART");
    broken_pipe();
    passed("SIGPIPE");
}
