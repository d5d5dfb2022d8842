// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/clock_calls.hpp"

#include "guest-runtime/syscall/time_types.hpp"
#include "guest-runtime/thread/cpu_time.hpp"
#include "guest-runtime/thread/kept_deadline.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::sys {

namespace {

constexpr std::uint64_t ticks_per_second = 100;  // sysconf(_SC_CLK_TCK)

// CPU-time clocks of a process or thread are negative: ~id << 3, 4 for a thread, 2 for "scheduled time"
// [clock_getcpuclockid].
Result<std::uint64_t> read_cpu_clock(int clock) {
    auto id = static_cast<std::uint32_t>(~(clock >> 3));
    if ((clock & 3) == 3) return Errno::einval;
    Guard guard(thread::all_threads().lock);
    if ((clock & 4) != 0) {
        thread::Thread* thread = id == 0 ? &thread::current() : thread::all_threads().find(id);
        if (thread == nullptr) return Errno::einval;
        return thread::thread_cpu_ns(*thread);
    }
    if (id != 0 && id != static_cast<std::uint32_t>(thread::process_id)) return Errno::einval;
    guard.unlock();
    return thread::process_cpu_ns();
}

Result<std::uint64_t> read_clock(int clock) {
    switch (clock) {
        case clock_realtime:
        case clock_realtime_coarse:
        case clock_realtime_alarm:
        case clock_tai:
            return static_cast<std::uint64_t>(thread::realtime_ns());
        case clock_monotonic:
        case clock_monotonic_raw:
        case clock_monotonic_coarse:
        case clock_boottime:
        case clock_boottime_alarm:
            return thread::monotonic_ns();
        case clock_process_cputime:
            return thread::process_cpu_ns();
        case clock_thread_cputime:
            return thread::thread_cpu_ns(thread::current());
        default:
            break;
    }
    if (clock < 0) return read_cpu_clock(clock);
    return Errno::einval;
}

// Sleeps to the deadline. ERESTART.
Result<> sleep_until(thread::Deadline deadline) {
    thread::WaitQueue nobody_wakes;
    Result<> woken = thread::wait_until(nobody_wakes, deadline, [] { return false; });
    return woken.error() == Errno::etimedout ? Result<>() : woken;
}

// A signal's handler ends it with EINTR and the rest in `remaining`.
SysResult sleep_for(const TimeSpec& duration, UserPtr<TimeSpec> remaining) {
    thread::Deadline deadline = thread::kept_or(thread::Deadline::after_ns(duration.total_ns()));
    if (sleep_until(deadline).ok()) return 0;
    if (remaining) {
        std::uint64_t now = thread::monotonic_ns();
        HUSK_TRY(remaining.store(TimeSpec::from_ns(deadline.ns > now ? deadline.ns - now : 0)));
    }
    return thread::keep(deadline);
}

}  // namespace

SysResult sys_clock_gettime(const Call& call) {
    std::uint64_t ns = HUSK_TRY(read_clock(call.integer(0)));
    return call.pointer<TimeSpec>(1).store(TimeSpec::from_ns(ns));
}

SysResult sys_clock_settime(const Call& call) {
    TimeSpec when = HUSK_TRY(call.pointer<TimeSpec>(1).load());
    if (call.integer(0) != clock_realtime || !when.is_valid()) return Errno::einval;
    thread::set_realtime_ns(static_cast<std::int64_t>(when.total_ns()));
    return 0;
}

SysResult sys_clock_getres(const Call& call) {
    HUSK_TRY(read_clock(call.integer(0)));
    bool is_coarse = call.integer(0) == clock_realtime_coarse || call.integer(0) == clock_monotonic_coarse;
    if (auto out = call.pointer<TimeSpec>(1)) return out.store({0, is_coarse ? 4'000'000 : 1});
    return 0;
}

SysResult sys_clock_nanosleep(const Call& call) {
    constexpr int absolute = 1;
    int clock = call.integer(0);
    TimeSpec when = HUSK_TRY(call.pointer<TimeSpec>(2).load());
    if (!when.is_valid()) return Errno::einval;
    if (clock == clock_thread_cputime || clock == clock_monotonic_raw) return Errno::eopnotsupp;
    thread::Deadline at = HUSK_TRY(deadline_at(clock == clock_process_cputime ? clock_monotonic : clock, when));
    if ((call.integer(1) & absolute) != 0) return sleep_until(at);
    return sleep_for(when, call.pointer<TimeSpec>(3));
}

SysResult sys_nanosleep(const Call& call) {
    TimeSpec duration = HUSK_TRY(call.pointer<TimeSpec>(0).load());
    if (!duration.is_valid()) return Errno::einval;
    return sleep_for(duration, call.pointer<TimeSpec>(1));
}

SysResult sys_gettimeofday(const Call& call) {
    if (auto out = call.pointer<TimeVal>(0)) {
        HUSK_TRY(out.store(TimeVal::from_ns(static_cast<std::uint64_t>(thread::realtime_ns()))));
    }
    struct TimeZone {
        std::int32_t minutes_west, dst;
    };
    if (auto out = call.pointer<TimeZone>(1)) return out.store({0, 0});
    return 0;
}

SysResult sys_settimeofday(const Call& call) {
    auto pointer = call.pointer<TimeVal>(0);
    if (!pointer) return 0;
    TimeVal when = HUSK_TRY(pointer.load());
    if (!when.is_valid()) return Errno::einval;
    thread::set_realtime_ns(static_cast<std::int64_t>(when.total_ns()));
    return 0;
}

SysResult sys_time(const Call& call) {
    auto seconds = thread::realtime_ns() / static_cast<std::int64_t>(ns_per_second);
    if (auto out = call.pointer<std::int64_t>(0)) HUSK_TRY(out.store(seconds));
    return seconds;
}

SysResult sys_times(const Call& call) {
    struct Times {
        std::uint64_t user, system, children_user, children_system;
    };
    constexpr std::uint64_t ns_per_tick = ns_per_second / ticks_per_second;
    if (auto out = call.pointer<Times>(0)) HUSK_TRY(out.store({thread::process_cpu_ns() / ns_per_tick, 0, 0, 0}));
    return thread::monotonic_ns() / ns_per_tick;
}

}  // namespace husk::sys
