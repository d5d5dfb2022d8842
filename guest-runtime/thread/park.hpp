// SPDX-License-Identifier: Apache-2.0
// The one way a thread sleeps: it announces that it will, looks once more for its reason, then parks until unparked.
//
//   prepare_to_park();                 // from here on unpark() counts
//   if (!ready()) why = park(deadline);
//   else cancel_park();
#pragma once

#include <atomic>

#include "guest-runtime/thread/clock.hpp"

namespace husk::thread {

class Thread;

enum class Wakeup {
    event,    // unpark() was called, after prepare_to_park() or while parked; may be spurious
    timeout,  // the deadline passed
    signal,   // a signal that is not blocked waits for this thread; park() does not sleep while one does
};

Thread& current();
void prepare_to_park();
void cancel_park();
Wakeup park(Deadline deadline);
// The same for a sleep that no signal ends.
Wakeup park_uninterruptible(Deadline deadline);
// Makes a parked or preparing thread go on. Any vCPU, any lock held but the scheduler's own.
void unpark(Thread& thread);
// The same after setting `flag`, by which the thread may know that it is done waiting, go on and end: it does not end
// before this is through with it.
void unpark(Thread& thread, std::atomic<bool>& flag);
[[nodiscard]] bool signal_is_pending();
// Lets other runnable threads go first.
void yield();

}  // namespace husk::thread
