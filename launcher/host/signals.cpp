// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/signals.hpp"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/host/errno_error.hpp"

namespace husk::host {

namespace {

void install(int number, SignalHandler handler, int flags) {
    struct sigaction action {};
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    struct sigaction previous {};
    ::sigaction(number, &action, &previous);
    if (previous.sa_handler == SIG_IGN) ::sigaction(number, &previous, nullptr);
}

}  // namespace

void handle_signal(int number, SignalHandler handler) { install(number, handler, SA_SIGINFO); }
void handle_signal_quietly(int number, SignalHandler handler) { install(number, handler, SA_SIGINFO | SA_RESTART); }

void ignore_signal(int number) { ::signal(number, SIG_IGN); }

int current_thread_id() { return static_cast<int>(::syscall(SYS_gettid)); }

void name_this_thread(const std::string& name) { ::pthread_setname_np(::pthread_self(), name.c_str()); }

void signal_thread(int thread_id, int number) { ::syscall(SYS_tgkill, ::getpid(), thread_id, number); }

void unblock_signal(int number) {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, number);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

SignalsBlocked::SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &previous_);
}

SignalsBlocked::~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

ThreadAlarm::ThreadAlarm(int number) {
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = number;
    event._sigev_un._tid = current_thread_id();  // glibc 2.36 has no public name for it
    if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) throw errno_error("cannot create a timer");
    exists_ = true;
}

ThreadAlarm::~ThreadAlarm() {
    if (exists_) ::timer_delete(timer_);
}

void ThreadAlarm::start(std::uint64_t delay_ns) { set(delay_ns, 0); }
void ThreadAlarm::start_periodic(std::uint64_t period_ns) { set(period_ns, period_ns); }

void ThreadAlarm::set(std::uint64_t delay_ns, std::uint64_t period_ns) {
    constexpr std::uint64_t second_ns = 1'000'000'000;
    const auto split = [](std::uint64_t ns) {
        return timespec{static_cast<time_t>(ns / second_ns), static_cast<long>(ns % second_ns)};
    };
    const itimerspec spec{split(period_ns), split(delay_ns)};
    ::timer_settime(timer_, 0, &spec, nullptr);
}

}  // namespace husk::host
