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

void SignalTimer::set(std::uint64_t first_ns, std::uint64_t interval_ns) {
    disarm();
    std::uint64_t now = now_ns();
    Guard guard(lock_);
    interval_ns_ = interval_ns;
    overrun_ = 0;
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
    {
        Guard guard(lock_);
        if (due_ns_ == 0) return;
        if (now < due_ns_) {
            arm(Deadline::after_ns(std::max(due_ns_ - now, cpu_clock_grain_ns)));
            return;
        }
        overrun_ = 0;
        if (interval_ns_ == 0) {
            due_ns_ = 0;
        } else {
            std::uint64_t missed = (now - due_ns_) / interval_ns_;
            overrun_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(missed, INT32_MAX));
            due_ns_ += (missed + 1) * interval_ns_;
            arm(Deadline::after_ns(due_ns_ - now));
        }
        if (info.code == si_timer) info.timer.overrun = static_cast<std::int32_t>(overrun_);
    }
    if (info.number == 0) return;
    if (target_tid_ == 0) return send_to_process(info);
    Guard guard(all_threads().lock);
    if (Thread* thread = all_threads().find(target_tid_)) send_to_thread(*thread, info);
}

}  // namespace husk::thread
