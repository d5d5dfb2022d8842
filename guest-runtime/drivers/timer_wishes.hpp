// SPDX-License-Identifier: Apache-2.0
// What one vCPU wants its only timer for, as values of the TSC. The timer's handler and the code that it interrupts
// both change it; `programmed_` tells either what the other has done last.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace husk::foreign_timer {

class TimerWishes {
public:
    static constexpr std::uint64_t never = UINT64_MAX;

    void clear() { slice_end_ = next_look_ = wake_up_ = programmed_ = never; }

    // What is due first, of these and of `deadline`; only what is due later than `later_than`.
    std::uint64_t next_due(std::uint64_t deadline, std::uint64_t later_than) const {
        std::uint64_t first = never;
        for (std::uint64_t due : {deadline, slice_end_.load(), next_look_.load(), wake_up_.load()}) {
            if (due > later_than) first = std::min(first, due);
        }
        return first;
    }

    void set_wake_up(std::uint64_t tsc) { wake_up_ = tsc; }

    // The time slice that pre-emption needs: runs while it is wanted.
    void update_slice(bool is_wanted, std::uint64_t now, std::uint64_t slice_ticks) {
        if (!is_wanted) {
            slice_end_ = never;
        } else if (slice_end_ == never) {
            slice_end_ = now + slice_ticks;
        }
    }

    // The timer has fired: what was due until now is done with, and a slice that would end within `slack`: what is
    // interrupted gets a whole one.
    void on_fired(std::uint64_t now, std::uint64_t slack) {
        if (slice_end_ <= now + slack) slice_end_ = never;
        if (next_look_ <= now) next_look_ = never;
        programmed_ = never;
        fired_at_ = now;
    }
    [[nodiscard]] std::uint64_t fired_at() const { return fired_at_; }

    // The runtime was interrupted while attention is wanted of it: it may have looked for the last time, so the timer
    // has to come again. Each time twice as late as the last: where a handler takes as long as a look is away, nothing
    // else would ever run.
    void look_again(std::uint64_t now, std::uint64_t look_ticks) {
        next_look_ = now + (look_ticks << looks_in_a_row_);
        looks_in_a_row_ = std::min(looks_in_a_row_ + 1, most_doublings);
    }
    // Has `arm` set the timer where something is due before it would fire: once for each thing, also for what is due
    // already. The handler may come in between.
    void program(std::uint64_t deadline, std::uint64_t later_than, auto arm) {
        std::uint64_t programmed = programmed_, due = never;
        do {
            due = next_due(deadline, later_than);
            if (due >= programmed) return;
        } while (!programmed_.compare_exchange_strong(programmed, due));
        // A timer that is set again while nothing else is due fires once for nothing.
        for (; due != never; due = programmed) {
            arm(due);
            programmed = programmed_;
            if (programmed == due) return;
        }
    }

    // Attention was taken since the last look.
    void forget_looks() { looks_in_a_row_ = 0; }

private:
    static constexpr unsigned most_doublings = 8;  // from 200 us to 51 ms

    std::atomic<std::uint64_t> slice_end_;
    std::atomic<std::uint64_t> next_look_;
    std::atomic<std::uint64_t> wake_up_;
    std::atomic<std::uint64_t> programmed_;
    // The handler's alone.
    std::uint64_t fired_at_ = 0;
    unsigned looks_in_a_row_ = 0;
};

}  // namespace husk::foreign_timer
