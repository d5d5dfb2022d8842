// SPDX-License-Identifier: Apache-2.0
// A callback at a point in time: under sleeps, timerfd, interval timers.
#pragma once

#include <atomic>

#include "guest-runtime/thread/clock.hpp"

namespace husk::thread {

class TimerQueue;

// on_expiry runs in the runtime with the timer disarmed and no lock held; it may arm the timer again, may not sleep.
class Timer {
public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    void arm(Deadline deadline);  // again: moves it
    void disarm();                // when it returns, on_expiry neither runs nor will run
    [[nodiscard]] bool is_armed() const { return armed_; }
    [[nodiscard]] Deadline deadline() const { return deadline_; }

protected:
    ~Timer() { disarm(); }
    virtual void on_expiry() = 0;

private:
    friend class TimerQueue;
    Deadline deadline_ = Deadline::never();
    bool armed_ = false;
    std::atomic<TimerQueue*> queue_ = nullptr;  // which one it is or was in
    // Links of the queue's heap. `previous_` is the parent for a first child, else the sibling before.
    Timer* first_child_ = nullptr;
    Timer* next_sibling_ = nullptr;
    Timer* previous_ = nullptr;
};

}  // namespace husk::thread
