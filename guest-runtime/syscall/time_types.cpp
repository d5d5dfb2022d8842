// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/time_types.hpp"

namespace husk::sys {

thread::Deadline deadline_at_realtime(std::uint64_t realtime_ns) {
    if (realtime_ns == UINT64_MAX) return thread::Deadline::never();
    auto now = static_cast<std::uint64_t>(thread::realtime_ns());
    return realtime_ns <= now ? thread::Deadline::immediately() : thread::Deadline::after_ns(realtime_ns - now);
}

Result<thread::Deadline> deadline_at(int clock, const TimeSpec& when) {
    switch (clock) {
        case clock_realtime:
        case clock_realtime_coarse:
        case clock_realtime_alarm:
        case clock_tai:
            return deadline_at_realtime(when.total_ns());
        case clock_monotonic:
        case clock_monotonic_raw:
        case clock_monotonic_coarse:
        case clock_boottime:
        case clock_boottime_alarm:
            return thread::Deadline{when.total_ns()};
        default:
            return Errno::einval;
    }
}

Result<thread::Deadline> deadline_after(UserPtr<TimeSpec> timeout) {
    if (!timeout) return thread::Deadline::never();
    TimeSpec value = HUSK_TRY(timeout.load());
    if (!value.is_valid()) return Errno::einval;
    return thread::Deadline::after_ns(value.total_ns());
}

}  // namespace husk::sys
