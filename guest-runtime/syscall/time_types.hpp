// SPDX-License-Identifier: Apache-2.0
// Linux's time structs, and how they become deadlines.
#pragma once

#include <cstdint>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::sys {

inline constexpr std::uint64_t ns_per_second = 1'000'000'000;
inline constexpr int clock_realtime = 0, clock_monotonic = 1, clock_process_cputime = 2, clock_thread_cputime = 3,
                     clock_monotonic_raw = 4, clock_realtime_coarse = 5, clock_monotonic_coarse = 6, clock_boottime = 7,
                     clock_realtime_alarm = 8, clock_boottime_alarm = 9, clock_tai = 11;

struct TimeSpec {
    std::int64_t seconds;
    std::int64_t nanoseconds;

    [[nodiscard]] bool is_valid() const {
        return seconds >= 0 && nanoseconds >= 0 && nanoseconds < static_cast<std::int64_t>(ns_per_second);
    }
    // Saturates at UINT64_MAX; is_valid() holds.
    [[nodiscard]] std::uint64_t total_ns() const {
        auto s = static_cast<std::uint64_t>(seconds);
        if (s > UINT64_MAX / ns_per_second - 1) return UINT64_MAX;
        return s * ns_per_second + static_cast<std::uint64_t>(nanoseconds);
    }
    static TimeSpec from_ns(std::uint64_t ns) {
        return {static_cast<std::int64_t>(ns / ns_per_second), static_cast<std::int64_t>(ns % ns_per_second)};
    }
};

struct TimeVal {
    std::int64_t seconds;
    std::int64_t microseconds;

    [[nodiscard]] bool is_valid() const { return seconds >= 0 && microseconds >= 0 && microseconds < 1'000'000; }
    [[nodiscard]] std::uint64_t total_ns() const { return TimeSpec{seconds, microseconds * 1000}.total_ns(); }
    static TimeVal from_ns(std::uint64_t ns) {
        return {static_cast<std::int64_t>(ns / ns_per_second), static_cast<std::int64_t>(ns % ns_per_second / 1000)};
    }
};

// The point on the monotonic clock at which CLOCK_REALTIME shows `realtime_ns` if no one sets it.
thread::Deadline deadline_at_realtime(std::uint64_t realtime_ns);

// A point in time on `clock`; the CPU-time clocks are not waited for. EINVAL for a clock that does not exist.
Result<thread::Deadline> deadline_at(int clock, const TimeSpec& when);

// An optional relative timeout: a null pointer is never().
Result<thread::Deadline> deadline_after(UserPtr<TimeSpec> timeout);

}  // namespace husk::sys
