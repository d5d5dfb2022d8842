// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/foreign_timer.hpp"

#include <array>
#include <atomic>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/drivers/local_apic.hpp"
#include "guest-runtime/drivers/timer_wishes.hpp"

namespace husk::foreign_timer {

namespace {

constexpr std::uint64_t never = TimerWishes::never;
constexpr std::uint64_t slices_per_second = 250;
constexpr std::uint64_t looks_per_second = 5000;

constinit std::uint64_t slice_ticks = 0, look_ticks = 0;

struct alignas(64) OwnLine : TimerWishes {};
constinit std::array<OwnLine, arch::max_vcpus> timers{};

TimerWishes& here() { return timers[arch::per_cpu().mailbox.vcpu_index]; }

std::uint64_t deadline() {
    return std::atomic_ref(arch::per_cpu().mailbox.timer_deadline_tsc).load(std::memory_order_relaxed);
}

void program(std::uint64_t later_than) {
    here().program(deadline(), later_than, [](std::uint64_t due) {
        std::uint64_t now = arch::read_tsc();
        local_apic::arm_timer(due > now ? due - now : 0);
    });
}

void update_slice(std::uint64_t now) {
    bool is_wanted = std::atomic_ref(arch::per_cpu().mailbox.want_tick).load(std::memory_order_relaxed) != 0;
    here().update_slice(is_wanted, now, slice_ticks);
}

}  // namespace

void initialise(std::uint64_t tsc_hz) {
    slice_ticks = tsc_hz / slices_per_second;
    look_ticks = tsc_hz / looks_per_second;
    for (TimerWishes& timer : timers) timer.clear();
}

void update() {
    update_slice(arch::read_tsc());
    program(0);
}

void set_wake_up(std::uint64_t tsc) {
    here().set_wake_up(tsc);
    if (tsc != never) update();
}

void on_fired() { here().on_fired(arch::read_tsc(), look_ticks); }

void leave_handler(bool wants_look) {
    std::uint64_t now = arch::read_tsc();
    update_slice(now);
    if (wants_look) here().look_again(now, look_ticks);
    // What was due when the timer fired last has its attention.
    program(here().fired_at());
}

void forget_looks() { here().forget_looks(); }

}  // namespace husk::foreign_timer
