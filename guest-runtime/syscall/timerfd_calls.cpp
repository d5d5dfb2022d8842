// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/timer_file.hpp"
#include "guest-runtime/syscall/event_calls.hpp"
#include "guest-runtime/syscall/time_types.hpp"

namespace husk::sys {

namespace {

// struct itimerspec
struct TimerSpec {
    TimeSpec interval;
    TimeSpec value;
};

TimerSpec spec_of(const fs::TimerFile::Setting& setting) {
    return {TimeSpec::from_ns(setting.interval_ns), TimeSpec::from_ns(setting.remaining_ns)};
}

Result<RefPtr<fs::File>> timer_of(int fd) {
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(fd));
    if (file->kind() != fs::FileKind::timer) return Errno::einval;
    return file;
}

Result<int> create(int clock, std::uint64_t flags) {
    constexpr std::uint64_t known = fs::open_flag::close_on_exec | fs::open_flag::non_block;
    switch (clock) {
        case clock_realtime:
        case clock_monotonic:
        case clock_boottime:
        case clock_realtime_alarm:
        case clock_boottime_alarm:
            break;
        default:
            return Errno::einval;
    }
    if ((flags & ~known) != 0) return Errno::einval;
    RefPtr<fs::File> file =
        HUSK_TRY(fs::make_timer_file(clock, static_cast<std::uint32_t>(flags) & fs::open_flag::non_block));
    return fs::descriptors().add(std::move(file), (flags & fs::open_flag::close_on_exec) != 0);
}

Result<> set(const Call& call) {
    // The wall clock is set by the application itself if at all, so TFD_TIMER_CANCEL_ON_SET has nothing to do.
    constexpr std::uint64_t absolute = 1, cancel_on_set = 2;
    if ((call[1] & ~(absolute | cancel_on_set)) != 0) return Errno::einval;
    TimerSpec wanted = HUSK_TRY(call.pointer<TimerSpec>(2).load());
    if (!wanted.value.is_valid() || !wanted.interval.is_valid()) return Errno::einval;
    RefPtr<fs::File> file = HUSK_TRY(timer_of(call.fd(0)));
    auto& timer = static_cast<fs::TimerFile&>(*file);
    thread::Deadline first = thread::Deadline::never();
    if (wanted.value.total_ns() != 0) {
        bool is_absolute = (call[1] & absolute) != 0;
        first = is_absolute ? HUSK_TRY(deadline_at(timer.clock(), wanted.value))
                            : thread::Deadline::after_ns(wanted.value.total_ns());
    }
    TimerSpec old = spec_of(timer.set(first, wanted.interval.total_ns()));
    auto out = call.pointer<TimerSpec>(3);
    return out ? out.store(old) : Result<>();
}

Result<> get(const Call& call) {
    RefPtr<fs::File> file = HUSK_TRY(timer_of(call.fd(0)));
    return call.pointer<TimerSpec>(1).store(spec_of(static_cast<fs::TimerFile&>(*file).setting()));
}

}  // namespace

SysResult sys_timerfd_create(const Call& call) { return create(call.integer(0), call[1]); }
SysResult sys_timerfd_settime(const Call& call) { return set(call); }
SysResult sys_timerfd_gettime(const Call& call) { return get(call); }

}  // namespace husk::sys
