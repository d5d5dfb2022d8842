// SPDX-License-Identifier: Apache-2.0
// A device's counter and the TSC, read at nearly the same time although the host may stop the vCPU at any instruction.
#pragma once

#include <cstdint>

#include "guest-runtime/arch/cpu.hpp"

namespace husk {

struct CounterSample {
    std::uint64_t tsc;
    std::uint64_t gap_ticks;  // between that and the end of the read
    std::uint32_t count;
};

// Of several samples, the one whose read was interrupted least.
template <class Read>
CounterSample sample_counter(Read read) {
    constexpr int tries = 8;
    CounterSample best{0, UINT64_MAX, 0};
    for (int i = 0; i < tries; ++i) {
        std::uint64_t before = arch::read_tsc();
        std::uint32_t count = read();
        std::uint64_t gap_ticks = arch::read_tsc() - before;
        if (gap_ticks < best.gap_ticks) best = {before, gap_ticks, count};
    }
    return best;
}

}  // namespace husk
