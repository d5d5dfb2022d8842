// SPDX-License-Identifier: Apache-2.0
// Time: monotonic and wall-clock nanoseconds from the TSC, and points in time to wait for.
#pragma once

#include <cstdint>

namespace husk::thread {

std::uint64_t monotonic_ns();  // since boot, never backwards
std::int64_t realtime_ns();    // since 1970-01-01 UTC
// Shifts CLOCK_REALTIME (clock_settime).
void set_realtime_ns(std::int64_t now_ns);

// A point on the monotonic clock.
struct Deadline {
    std::uint64_t ns;

    static constexpr Deadline never() { return {UINT64_MAX}; }
    static constexpr Deadline immediately() { return {0}; }
    // Saturates at never().
    static Deadline after_ns(std::uint64_t delay_ns) {
        std::uint64_t now = monotonic_ns();
        return {delay_ns > UINT64_MAX - now ? UINT64_MAX : now + delay_ns};
    }
    [[nodiscard]] bool is_never() const { return ns == UINT64_MAX; }
    [[nodiscard]] bool has_passed() const { return ns != UINT64_MAX && monotonic_ns() >= ns; }
};

}  // namespace husk::thread
