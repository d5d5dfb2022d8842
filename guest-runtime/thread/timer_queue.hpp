// SPDX-License-Identifier: Apache-2.0
// All armed timers in order of their deadlines: a pairing heap through the timers themselves.
#pragma once

#include <atomic>

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/thread/timer.hpp"

namespace husk::thread {

class TimerQueue {
public:
    void arm(Timer& timer, Deadline deadline);
    void disarm(Timer& timer);
    // Runs what is due. Called by ticks, by the idle loop and on the way out of the runtime.
    void expire();
    // Of the first timer; never() without one. May be stale by the time it is read.
    [[nodiscard]] Deadline next() const { return {next_ns_.load(std::memory_order_relaxed)}; }

private:
    static Timer* meld(Timer* a, Timer* b);
    void insert(Timer& timer);
    void remove(Timer& timer);
    void publish();
    void run_due();

    Spinlock expiry_lock_;  // one vCPU at a time runs callbacks
    Spinlock lock_;
    Timer* root_ = nullptr;
    std::atomic<Timer*> running_ = nullptr;  // whose callback runs now, on running_vcpu_
    std::atomic<std::uint32_t> running_vcpu_ = 0;
    std::atomic<std::uint64_t> next_ns_ = UINT64_MAX;
};

TimerQueue& timer_queue();

}  // namespace husk::thread
