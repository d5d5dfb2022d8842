// SPDX-License-Identifier: Apache-2.0
// The host's clocks as plain numbers.
#pragma once

#include <cstdint>
#include <string_view>

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

// Whether the host's kernel keeps its own time by the TSC: it does so only where all CPUs' TSCs are one clock.
// `clock_source` is what its file in /sys says; tests give others.
[[nodiscard]] bool is_tsc(std::string_view clock_source);
[[nodiscard]] bool tsc_is_one_clock();

}  // namespace husk::host
