// SPDX-License-Identifier: Apache-2.0
// How long one goes on to wait for another vCPU before the host is asked to run others: the one that is waited for may
// have lost its CPU, and comes back only when somebody leaves one.
#pragma once

#include <cstdint>

namespace husk {

class SpinPatience {
public:
    // In every round of a wait; now_ns: of a clock that does not run backwards. true: it has lasted for long enough.
    // The next wait, or the same one behind what the caller does then, begins anew.
    [[nodiscard]] bool is_over(std::uint64_t now_ns) {
        if (now_ns - last_round_ns_ > longest_round_ns) begin_ns_ = now_ns;
        last_round_ns_ = now_ns;
        if (now_ns - begin_ns_ < patience_ns) return false;
        begin_ns_ = now_ns;
        return true;
    }

    // About what it costs to ask, where that is dear. Locks are held for a few microseconds at most.
    static constexpr std::uint64_t patience_ns = 50'000;

private:
    // Rounds that follow each other are of one wait.
    static constexpr std::uint64_t longest_round_ns = 3'000;

    std::uint64_t last_round_ns_ = 0;
    std::uint64_t begin_ns_ = 0;
};

}  // namespace husk
