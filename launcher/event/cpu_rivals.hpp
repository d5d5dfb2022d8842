// SPDX-License-Identifier: Apache-2.0
// Whether others compute on the CPU that a thread has chosen for itself, and how long it had better stay away then.
//
// A thread that is bound to a CPU waits there for the time slices of whoever else is there, some milliseconds each,
// even if another CPU is free. All times in ns; `delay` is how long the thread has waited for a CPU so far.
#pragma once

#include <algorithm>
#include <cstdint>

namespace husk::event {

class CpuRivals final {
public:
    // The thread has chosen a CPU.
    void begin(std::uint64_t now, std::uint64_t delay) {
        since_ = looked_at_ = now;
        delay_then_ = delay;
    }

    // Whether enough time has passed to tell.
    [[nodiscard]] bool is_due(std::uint64_t now) const { return now - looked_at_ >= period; }

    // When it is due. true: the thread waited for three quarters of the time. Less may be those who work for it.
    [[nodiscard]] bool are_here(std::uint64_t now, std::uint64_t delay) {
        const std::uint64_t waited = delay - delay_then_;
        const std::uint64_t passed = now - looked_at_;
        looked_at_ = now;
        delay_then_ = delay;
        if (waited < passed / 4 * 3) {
            if (now - since_ >= longest) stay_away_ = shortest;
            return false;
        }
        return true;
    }

    // How long to stay away this time: longer each time that they are here again.
    [[nodiscard]] std::uint64_t time_away() {
        const std::uint64_t time = stay_away_;
        stay_away_ = std::min(2 * stay_away_, longest);
        return time;
    }

private:
    static constexpr std::uint64_t ms = 1'000'000;
    static constexpr std::uint64_t period = 4 * ms;  // about a time slice
    static constexpr std::uint64_t shortest = 100 * ms;
    static constexpr std::uint64_t longest = 6400 * ms;

    std::uint64_t since_ = 0;
    std::uint64_t looked_at_ = 0;
    std::uint64_t delay_then_ = 0;
    std::uint64_t stay_away_ = shortest;
};

}  // namespace husk::event
