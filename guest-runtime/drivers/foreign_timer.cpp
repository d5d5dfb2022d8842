// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/foreign_timer.hpp"

#include <algorithm>
#include <array>
#include <atomic>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/drivers/local_apic.hpp"

namespace husk::foreign_timer {

namespace {

constexpr std::uint64_t never = UINT64_MAX;
constexpr std::uint64_t slices_per_second = 250;
constexpr std::uint64_t looks_per_second = 5000;

constinit std::uint64_t slice_ticks = 0, look_ticks = 0;

// Of one vCPU: TSC values at which something is due. The handler and the code it interrupts both change them;
// `programmed` tells either what the other has done last.
struct alignas(64) Timer {
    std::atomic<std::uint64_t> slice_end;
    std::atomic<std::uint64_t> next_look;
    std::atomic<std::uint64_t> wake_up;
    std::atomic<std::uint64_t> programmed;
};
constinit std::array<Timer, arch::max_vcpus> timers{};

Timer& here() { return timers[arch::per_cpu().mailbox.vcpu_index]; }

std::uint64_t mailbox_deadline() {
    return std::atomic_ref(arch::per_cpu().mailbox.timer_deadline_tsc).load(std::memory_order_relaxed);
}

// What is due first; in the handler, only what is due later than now: the rest has its attention already.
std::uint64_t next_due(std::uint64_t later_than) {
    std::uint64_t first = never;
    for (std::uint64_t due :
         {mailbox_deadline(), here().slice_end.load(), here().next_look.load(), here().wake_up.load()}) {
        if (due > later_than) first = std::min(first, due);
    }
    return first;
}

void program(std::uint64_t due) {
    here().programmed.store(due);
    if (due == never) return;  // what is still armed fires once for nothing
    std::uint64_t now = arch::read_tsc();
    local_apic::arm_timer(due > now ? due - now : 0);
}

void begin_slice(std::uint64_t now) {
    bool is_wanted = std::atomic_ref(arch::per_cpu().mailbox.want_tick).load(std::memory_order_relaxed) != 0;
    if (!is_wanted) {
        here().slice_end.store(never);
    } else if (here().slice_end.load() == never) {
        here().slice_end.store(now + slice_ticks);
    }
}

}  // namespace

void initialise(std::uint64_t tsc_hz) {
    slice_ticks = tsc_hz / slices_per_second;
    look_ticks = tsc_hz / looks_per_second;
    for (Timer& timer : timers) timer.slice_end = timer.next_look = timer.wake_up = timer.programmed = never;
}

void update() {
    begin_slice(arch::read_tsc());
    // An interrupt between the two halves of program() may have programmed something else.
    for (std::uint64_t due = next_due(0); due < here().programmed.load(); due = next_due(0)) {
        program(due);
        if (here().programmed.load() == due) return;
    }
}

void set_wake_up(std::uint64_t tsc) {
    here().wake_up.store(tsc);
    if (tsc != never) update();
}

void on_interrupt() {
    std::uint64_t now = arch::read_tsc();
    if (here().slice_end.load() <= now) here().slice_end.store(never);
    if (here().next_look.load() <= now) here().next_look.store(never);
    begin_slice(now);
    program(next_due(now));
}

void look_again_soon() {
    std::uint64_t look = arch::read_tsc() + look_ticks;
    here().next_look.store(look);
    if (look < here().programmed.load()) program(look);
}

}  // namespace husk::foreign_timer
