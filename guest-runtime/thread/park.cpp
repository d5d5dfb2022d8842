// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/park.hpp"

#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

Wakeup park_for(Deadline deadline, bool interruptible) {
    Thread& self = current();
    ring_postponed();
    if (interruptible && signal_is_pending()) {
        cancel_park();
        return Wakeup::signal;
    }
    bool timed = !deadline.is_never();
    if (timed) {
        if (deadline.has_passed()) {
            cancel_park();
            return Wakeup::timeout;
        }
        self.sleep_timer.has_fired.store(false, std::memory_order_relaxed);
        self.sleep_timer.arm(deadline);
    }
    self.lock.lock();
    if (self.state == State::woken) {
        self.state = State::running;
        self.lock.unlock();
    } else {
        self.state = State::parked;
        switch_away(self);
    }
    if (timed) {
        self.sleep_timer.disarm();
        if (self.sleep_timer.has_fired.load(std::memory_order_relaxed)) return Wakeup::timeout;
    }
    return interruptible && signal_is_pending() ? Wakeup::signal : Wakeup::event;
}

// With the thread's lock held.
void wake_locked(Thread& thread) {
    if (thread.state == State::preparing) {
        thread.state = State::woken;
    } else if (thread.state == State::parked) {
        enqueue(thread);
    }
}

}  // namespace

void prepare_to_park() {
    Thread& self = current();
    Guard guard(self.lock);
    self.state = State::preparing;
}

void cancel_park() {
    Thread& self = current();
    Guard guard(self.lock);
    self.state = State::running;
}

Wakeup park(Deadline deadline) { return park_for(deadline, true); }
Wakeup park_uninterruptible(Deadline deadline) { return park_for(deadline, false); }

void unpark(Thread& thread, std::atomic<bool>& flag) {
    Guard guard(thread.lock);
    flag.store(true, std::memory_order_release);
    wake_locked(thread);
}

void unpark(Thread& thread) {
    Guard guard(thread.lock);
    wake_locked(thread);
}

bool signal_is_pending() { return (current().work.load(std::memory_order_relaxed) & work::signal) != 0; }

void yield() {
    ring_postponed();
    if (!others_are_waiting()) return;
    Thread& self = current();
    self.lock.lock();
    switch_away(self);
}

}  // namespace husk::thread
