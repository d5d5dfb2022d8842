// SPDX-License-Identifier: Apache-2.0
// A stopwatch that writes each step of the boot into the statistics.
#pragma once

#include <cstdint>

#include "launcher/host/clock.hpp"
#include "launcher/run/stats.hpp"

namespace husk::run {

class StepTimer final {
public:
    explicit StepTimer(Stats& stats) : stats_(stats) {}

    // The step that ends now began when the one before it ended.
    void done(const char* step) {
        const std::uint64_t now_ns = host::monotonic_ns();
        stats_.add_step(step, now_ns - begin_ns_);
        begin_ns_ = now_ns;
    }

private:
    Stats& stats_;
    std::uint64_t begin_ns_ = host::monotonic_ns();
};

}  // namespace husk::run
