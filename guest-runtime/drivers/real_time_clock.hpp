// SPDX-License-Identifier: Apache-2.0
// The clock that runs while the machine is off, in CMOS memory [mc146818].
#pragma once

#include <cstdint>
#include <optional>

namespace husk::real_time_clock {

// Seconds since 1970-01-01, the clock taken for UTC; in ring 0. Nothing where there is no such clock.
std::optional<std::int64_t> read_seconds();

}  // namespace husk::real_time_clock
