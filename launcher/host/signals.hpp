// SPDX-License-Identifier: Apache-2.0
// Signals to this process and between its threads.
#pragma once

#include <csignal>
#include <cstdint>
#include <ctime>
#include <string>

namespace husk::host {

using SignalHandler = void (*)(int number, siginfo_t* info, void* context);

// Interrupts system calls (no SA_RESTART). A signal that was ignored when the launcher started stays ignored.
void handle_signal(int number, SignalHandler handler);

// The same, but system calls that it interrupts go on.
void handle_signal_quietly(int number, SignalHandler handler);

void ignore_signal(int number);

// The kernel's id of the calling thread.
[[nodiscard]] int current_thread_id();

// For those who look at the threads of the process; the kernel keeps 15 bytes.
void name_this_thread(const std::string& name);

// Async-signal-safe.
void signal_thread(int thread_id, int number);

// From now on the calling thread takes it.
void unblock_signal(int number);

// Blocks every signal in the calling thread while it lives: threads created meanwhile take none.
class SignalsBlocked final {
public:
    SignalsBlocked();
    ~SignalsBlocked();
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t previous_{};
};

// Sends `number` to the thread that made it, with si_code SI_TIMER.
class ThreadAlarm final {
public:
    explicit ThreadAlarm(int number);
    ~ThreadAlarm();
    ThreadAlarm(const ThreadAlarm&) = delete;
    ThreadAlarm& operator=(const ThreadAlarm&) = delete;

    // Once.
    void start(std::uint64_t delay_ns);

    // Every period; what it could not deliver in time is left out.
    void start_periodic(std::uint64_t period_ns);

private:
    void set(std::uint64_t delay_ns, std::uint64_t period_ns);

    timer_t timer_{};
    bool exists_ = false;
};

}  // namespace husk::host
