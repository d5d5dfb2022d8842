// SPDX-License-Identifier: Apache-2.0
// The application's signal state: what is done about each signal, and what waits for whom.
#pragma once

#include <optional>

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/thread/pending_signals.hpp"
#include "guest-runtime/thread/signal.hpp"
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::thread {

class Thread;

// Sends to the application as a whole: some thread that does not block it takes it.
// True as PendingSignals::add() has it.
bool send_to_process(const SignalInfo& info);
// The caller knows that the thread lives (all_threads().lock, or itself).
bool send_to_thread(Thread& thread, const SignalInfo& info);

// Whether the timer that sends `info` has a signal that nobody has taken yet.
[[nodiscard]] bool timer_is_pending(const SignalInfo& info);
// Drops that signal. The timer sends to `tid`, 0 for the process, and nothing meanwhile.
void discard_timer(const SignalInfo& info, std::uint32_t tid);

// Takes a signal in `wanted` that is pending for the calling thread or the process.
bool take_pending(SignalSet wanted, SignalInfo& info);
// Takes one that the calling thread does not block. Without one the thread has nothing to deliver from now on.
bool take_deliverable(SignalInfo& info);
[[nodiscard]] SignalSet pending_set();
// Wakes those who wait for signals without handlers (sigtimedwait, signalfd).
WaitQueue& signal_arrivals();

// The calling thread's mask; kill and stop never enter it.
void set_blocked(SignalSet mask);
// The calling thread no longer takes the process's signals in `set`: another one looks for those that are pending.
void hand_over(SignalSet set);

[[nodiscard]] SignalAction signal_action(int number);
void set_signal_action(int number, const SignalAction& action);
// Takes a handler for delivery: SA_RESETHAND puts the default back.
SignalAction claim_signal_action(int number);

}  // namespace husk::thread
