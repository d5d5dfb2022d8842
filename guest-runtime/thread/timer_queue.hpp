// SPDX-License-Identifier: Apache-2.0
// The armed timers of one vCPU in order of their deadlines: a pairing heap through the timers themselves.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/thread/timer.hpp"

namespace husk::thread {

// A timer lies in the queue of the vCPU that armed it last, so that waits with a timeout share nothing between vCPUs.
// That vCPU alone runs the callbacks; any vCPU may take a timer out. A timer changes its queue under the lock of the
// old one.
class alignas(64) TimerQueue {
public:
    // On the vCPU whose queue this is.
    void arm(Timer& timer, Deadline deadline);
    static void disarm(Timer& timer);
    // Runs what is due. Called on its own vCPU by ticks, by the idle loop and on the way out of the runtime.
    void expire();
    // Of the first timer; never() without one. May be stale by the time it is read.
    [[nodiscard]] Deadline next() const { return {next_.load(std::memory_order_relaxed) - 1}; }

private:
    static Timer* meld(Timer* a, Timer* b);
    // The queue where the timer is, locked; null for a timer that was in none yet.
    static TimerQueue* lock_queue_of(const Timer& timer);
    void insert(Timer& timer);
    void remove(Timer& timer);
    void publish();
    void run_due();

    Spinlock lock_;
    Timer* root_ = nullptr;
    std::atomic<Timer*> running_ = nullptr;  // whose callback runs now
    std::atomic<std::uint64_t> next_ = 0;    // the first deadline plus 1, so that 64 queues begin as zeroes
};

// This vCPU's.
TimerQueue& timer_queue();

}  // namespace husk::thread
