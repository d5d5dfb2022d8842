// SPDX-License-Identifier: Apache-2.0
// The TSC under the clocks: set once at boot, read back for the launcher's timer.
#pragma once

#include <cstdint>

#include "guest-runtime/thread/clock.hpp"

namespace husk::thread {

// From here on monotonic_ns() counts from 0. realtime_now_ns: CLOCK_REALTIME when the TSC was tsc_now.
void initialise_clock(std::uint64_t tsc_hz, std::uint64_t tsc_now, std::int64_t realtime_now_ns);

// Before a second vCPU starts, on the first: each reading is from now on at least the last one of any vCPU, by a word
// that all of them write.
void share_clock();
// All vCPUs have one counter for certain: they share no word.
void trust_all_counters();

// The TSC value at a deadline; UINT64_MAX for never.
std::uint64_t tsc_at(Deadline deadline);

}  // namespace husk::thread
