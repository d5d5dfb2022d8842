// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/signal_timer.hpp"

#include <algorithm>

#include "guest-runtime/thread/cpu_time.hpp"
#include "guest-runtime/thread/signal_state.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

// CPU time cannot advance faster than the vCPUs run, so a CPU timer looks again no later than its remainder says, and
// not more often than this.
constexpr std::uint64_t cpu_clock_grain_ns = 1'000'000;

}  // namespace

std::uint64_t SignalTimer::now_ns() const { return clock_ == Clock::wall ? monotonic_ns() : process_cpu_ns(); }

void SignalTimer::stop() {
    disarm();
    if (info_.code == si_timer) discard_timer(info_, target_tid_);
}

void SignalTimer::set(std::uint64_t first_ns, std::uint64_t interval_ns) {
    stop();
    std::uint64_t now = now_ns();
    Guard guard(lock_);
    interval_ns_ = interval_ns;
    overrun_ = taken_overrun_ = 0;
    due_ns_ = first_ns == 0 ? 0 : (first_ns > UINT64_MAX - now ? UINT64_MAX : now + first_ns);
    if (first_ns != 0) arm(Deadline::after_ns(first_ns));
}

SignalTimer::Setting SignalTimer::get() {
    std::uint64_t now = now_ns();
    Guard guard(lock_);
    if (due_ns_ == 0) return {0, interval_ns_};
    return {due_ns_ > now ? due_ns_ - now : 1, interval_ns_};
}

void SignalTimer::on_expiry() {
    std::uint64_t now = now_ns();
    SignalInfo info = info_;
    std::uint64_t missed = 0;
    {
        Guard guard(lock_);
        if (due_ns_ == 0) return;
        if (now < due_ns_) {
            arm(Deadline::after_ns(std::max(due_ns_ - now, cpu_clock_grain_ns)));
            return;
        }
        if (interval_ns_ == 0) {
            due_ns_ = 0;
        } else {
            missed = (now - due_ns_) / interval_ns_;
            due_ns_ += (missed + 1) * interval_ns_;
            arm(Deadline::after_ns(due_ns_ - now));
        }
        missed = std::min<std::uint64_t>(missed, INT32_MAX);
        if (info.code == si_timer) info.timer.overrun = static_cast<std::int32_t>(missed);
    }
    // One signal at a time: what comes while it is pending is counted in it.
    bool is_counted = info.number != 0 && send(info);
    Guard guard(lock_);
    if (!is_counted) taken_overrun_ = overrun_;
    std::uint64_t before = is_counted ? std::uint64_t{overrun_} + 1 : 0;
    overrun_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(before + missed, INT32_MAX));
}

std::uint32_t SignalTimer::overrun() {
    bool is_pending = timer_is_pending(info_);
    Guard guard(lock_);
    return is_pending ? taken_overrun_ : overrun_;
}

bool SignalTimer::send(const SignalInfo& info) {
    if (target_tid_ == 0) return send_to_process(info);
    Guard guard(all_threads().lock);
    Thread* thread = all_threads().find(target_tid_);
    return thread != nullptr && send_to_thread(*thread, info);
}

}  // namespace husk::thread
