// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/timer_calls.hpp"

#include <array>
#include <memory>
#include <new>

#include "guest-runtime/syscall/time_types.hpp"
#include "guest-runtime/thread/mutex.hpp"
#include "guest-runtime/thread/signal_timer.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::sys {

namespace {

using thread::SignalTimer;

struct TimerSpec {
    TimeSpec interval, value;
};
struct IntervalValue {
    TimeVal interval, value;
};

// Linux's struct sigevent.
struct SignalEvent {
    std::uint64_t value;
    std::int32_t number;
    std::int32_t kind;
    std::int32_t tid;
    std::int32_t padding[11];
};
static_assert(sizeof(SignalEvent) == 64);
constexpr std::int32_t notify_signal = 0, notify_none = 1, notify_thread_id = 4;

struct PosixTimer {
    int clock = 0;
    SignalTimer* timer = nullptr;  // owned by this slot
};

constexpr std::size_t most_timers = 256;
constinit thread::Mutex timers_lock;
constinit std::array<PosixTimer, most_timers> timers;

Result<PosixTimer*> find_timer(int id) {
    if (id < 0 || static_cast<std::size_t>(id) >= most_timers ||
        timers[static_cast<std::size_t>(id)].timer == nullptr) {
        return Errno::einval;
    }
    return &timers[static_cast<std::size_t>(id)];
}

TimerSpec as_spec(const SignalTimer::Setting& setting) {
    return {TimeSpec::from_ns(setting.interval_ns), TimeSpec::from_ns(setting.remaining_ns)};
}

// ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF.
thread::SignalInfo interval_info(int number) { return thread::sender_info(number, thread::si_kernel); }

SignalTimer* interval_timer(int which) {
    // Made on first use: a Timer cannot be a constant with its signal inside.
    static constinit std::array<SignalTimer*, 3> made{};
    constexpr std::array<int, 3> numbers{thread::signal_number::alrm, thread::signal_number::vtalrm,
                                         thread::signal_number::prof};
    if (which < 0 || which > 2) return nullptr;
    auto i = static_cast<std::size_t>(which);
    if (made[i] == nullptr) {
        auto clock = i == 0 ? SignalTimer::Clock::wall : SignalTimer::Clock::process_cpu;
        made[i] = new (std::nothrow) SignalTimer(clock, interval_info(numbers[i]), 0);
    }
    return made[i];
}

IntervalValue as_interval(const SignalTimer::Setting& setting) {
    return {TimeVal::from_ns(setting.interval_ns), TimeVal::from_ns(setting.remaining_ns)};
}

}  // namespace

SysResult sys_timer_create(const Call& call) {
    int clock = call.integer(0);
    SignalEvent event{0, thread::signal_number::alrm, notify_signal, 0, {}};
    bool is_default = !call.pointer<SignalEvent>(1);
    if (!is_default) event = HUSK_TRY(call.pointer<SignalEvent>(1).load());
    bool is_cpu = clock == clock_process_cputime || clock == clock_thread_cputime || clock < 0;
    if (!is_cpu) HUSK_TRY(deadline_at(clock, {0, 0}));
    if (event.kind != notify_none && (event.number < 1 || event.number > thread::signal_number::last)) {
        return Errno::einval;
    }
    std::uint32_t target = 0;
    if (event.kind == notify_thread_id) {
        Guard guard(thread::all_threads().lock);
        target = static_cast<std::uint32_t>(event.tid);
        if (thread::all_threads().find(target) == nullptr) return Errno::einval;
    } else if (event.kind != notify_signal && event.kind != notify_none) {
        return Errno::einval;
    }

    Guard guard(timers_lock);
    std::size_t id = 0;
    while (id < most_timers && timers[id].timer != nullptr) ++id;
    if (id == most_timers) return Errno::eagain;
    thread::SignalInfo info;
    info.number = event.kind == notify_none ? 0 : event.number;
    info.code = thread::si_timer;
    info.timer = {static_cast<std::int32_t>(id), 0, is_default ? id : event.value};
    auto which = is_cpu ? SignalTimer::Clock::process_cpu : SignalTimer::Clock::wall;
    std::unique_ptr<SignalTimer> timer(new (std::nothrow) SignalTimer(which, info, target));
    if (!timer) return Errno::eagain;
    HUSK_TRY(call.pointer<std::int32_t>(2).store(static_cast<std::int32_t>(id)));
    timers[id] = {clock, timer.release()};
    return 0;
}

SysResult sys_timer_settime(const Call& call) {
    constexpr int absolute = 1;
    TimerSpec wanted = HUSK_TRY(call.pointer<TimerSpec>(2).load());
    if (!wanted.value.is_valid() || !wanted.interval.is_valid()) return Errno::einval;
    Guard guard(timers_lock);
    PosixTimer& posix = *HUSK_TRY(find_timer(call.integer(0)));
    TimerSpec old = as_spec(posix.timer->get());
    std::uint64_t first_ns = wanted.value.total_ns();
    if (first_ns != 0 && (call.integer(1) & absolute) != 0) {
        auto at = deadline_at(posix.clock, wanted.value);
        std::uint64_t now = thread::monotonic_ns();
        if (at.ok()) first_ns = at.value().ns > now ? at.value().ns - now : 1;
    }
    posix.timer->set(first_ns, wanted.interval.total_ns());
    if (auto out = call.pointer<TimerSpec>(3)) return out.store(old);
    return 0;
}

SysResult sys_timer_gettime(const Call& call) {
    Guard guard(timers_lock);
    PosixTimer& posix = *HUSK_TRY(find_timer(call.integer(0)));
    return call.pointer<TimerSpec>(1).store(as_spec(posix.timer->get()));
}

SysResult sys_timer_getoverrun(const Call& call) {
    Guard guard(timers_lock);
    return HUSK_TRY(find_timer(call.integer(0)))->timer->overrun();
}

SysResult sys_timer_delete(const Call& call) {
    Guard guard(timers_lock);
    PosixTimer& posix = *HUSK_TRY(find_timer(call.integer(0)));
    delete posix.timer;
    posix.timer = nullptr;
    return 0;
}

SysResult sys_setitimer(const Call& call) {
    SignalTimer* timer = interval_timer(call.integer(0));
    if (timer == nullptr) return Errno::einval;
    IntervalValue wanted{};
    if (auto pointer = call.pointer<IntervalValue>(1)) wanted = HUSK_TRY(pointer.load());
    if (!wanted.value.is_valid() || !wanted.interval.is_valid()) return Errno::einval;
    IntervalValue old = as_interval(timer->get());
    timer->set(wanted.value.total_ns(), wanted.interval.total_ns());
    if (auto out = call.pointer<IntervalValue>(2)) return out.store(old);
    return 0;
}

SysResult sys_getitimer(const Call& call) {
    SignalTimer* timer = interval_timer(call.integer(0));
    if (timer == nullptr) return Errno::einval;
    return call.pointer<IntervalValue>(1).store(as_interval(timer->get()));
}

SysResult sys_alarm(const Call& call) {
    SignalTimer* timer = interval_timer(0);
    if (timer == nullptr) return 0;
    std::uint64_t old_ns = timer->get().remaining_ns;
    timer->set(static_cast<std::uint32_t>(call[0]) * ns_per_second, 0);
    return (old_ns + ns_per_second - 1) / ns_per_second;
}

}  // namespace husk::sys
