// SPDX-License-Identifier: Apache-2.0
// Whether others compute on the CPU that a thread has chosen for itself, and how long it had better stay away then.
//
// A thread that is bound to a CPU waits there for the time slices of whoever else is there, some milliseconds each,
// even if another CPU is free.
#pragma once

#include <algorithm>
#include <cstdint>

#include "launcher/host/run_delay.hpp"

namespace husk::event {

class CpuRivals final {
public:
    // The thread has chosen a CPU, and it is elsewhere again; `times` are its own.
    void begin(std::uint64_t now_ns, const host::RunTimes& times) {
        looked_at_ns_ = now_ns;
        then_ = times;
    }
    void end(const host::RunTimes& times) {
        waited_ns_ += times.waited_ns - then_.waited_ns;
        ran_ns_ += times.ran_ns - then_.ran_ns;
        then_ = times;
    }

    // Whether it is worth to look again.
    [[nodiscard]] bool is_due(std::uint64_t now_ns) const { return now_ns - looked_at_ns_ >= 4 * ms; }

    // true: of some time slices in which it wanted to run, the thread waited for three quarters. Less may be the
    // kernel's threads that work for it.
    [[nodiscard]] bool are_here(std::uint64_t now_ns, const host::RunTimes& times) {
        looked_at_ns_ = now_ns;
        end(times);
        const std::uint64_t waited_ns = waited_ns_;
        const std::uint64_t wanted_ns = waited_ns_ + ran_ns_;
        if (wanted_ns < 12 * ms) return false;
        waited_ns_ = ran_ns_ = 0;
        const bool are_here = waited_ns >= wanted_ns / 4 * 3;
        if (are_here) {
            quiet_since_ns_ = now_ns;
        } else if (now_ns - quiet_since_ns_ >= 2 * longest_ns) {
            time_away_ns_ = shortest_ns;
        }
        return are_here;
    }

    // How long to stay away this time: longer each time that they are here again.
    [[nodiscard]] std::uint64_t time_away_ns() {
        const std::uint64_t time_ns = time_away_ns_;
        time_away_ns_ = std::min(2 * time_ns, longest_ns);
        return time_ns;
    }

private:
    static constexpr std::uint64_t ms = 1'000'000;
    static constexpr std::uint64_t shortest_ns = 100 * ms;
    static constexpr std::uint64_t longest_ns = 6400 * ms;

    std::uint64_t quiet_since_ns_ = 0;
    std::uint64_t looked_at_ns_ = 0;
    host::RunTimes then_;
    // Since the last verdict, on chosen CPUs.
    std::uint64_t waited_ns_ = 0;
    std::uint64_t ran_ns_ = 0;
    std::uint64_t time_away_ns_ = shortest_ns;
};

}  // namespace husk::event
