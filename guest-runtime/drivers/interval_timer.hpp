// SPDX-License-Identifier: Apache-2.0
// The 8254 timer, for as long as it takes to measure the TSC against it.
#pragma once

#include <cstdint>

namespace husk::interval_timer {

// Takes 10 ms, in ring 0. 0: the machine has no such timer.
std::uint64_t measure_tsc_hz();

}  // namespace husk::interval_timer
