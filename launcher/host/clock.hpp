// SPDX-License-Identifier: Apache-2.0
// The host's clocks as plain numbers.
#pragma once

#include <cstdint>

namespace husk::host {

[[nodiscard]] std::uint64_t monotonic_ns();

// CPU time that a thread of this process has used; 0 when it is gone.
[[nodiscard]] std::uint64_t thread_cpu_ns(int thread_id);

// CLOCK_REALTIME at the moment when the TSC read host_tsc.
struct WallClock {
    std::int64_t wall_clock_ns;
    std::uint64_t host_tsc;
};
[[nodiscard]] WallClock read_wall_clock();

}  // namespace husk::host
