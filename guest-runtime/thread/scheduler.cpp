// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/scheduler.hpp"

#include <algorithm>
#include <atomic>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/memory/late_relro.hpp"
#include "guest-runtime/memory/shootdown.hpp"
#include "guest-runtime/thread/attention.hpp"
#include "guest-runtime/thread/clock_source.hpp"
#include "guest-runtime/thread/timer_queue.hpp"
#include "guest-runtime/thread/vcpu_queues.hpp"

namespace husk::thread {

namespace {

// Watches for as long as the launcher advises, which spares an exit when a device is about to answer. true: there is
// something to do.
bool watch_attention(std::uint64_t now, std::uint64_t timeout_ns) {
    abi::VcpuMailbox& mailbox = arch::per_cpu().mailbox;
    const std::uint32_t spin_us = std::atomic_ref(mailbox.spin_us).load(std::memory_order_relaxed);
    if (spin_us == 0) return false;
    const std::uint64_t end = now + std::min(std::uint64_t{spin_us} * 1000, timeout_ns);
    do {
        for (int i = 0; i < 16; ++i) __builtin_ia32_pause();
        if (std::atomic_ref(mailbox.attention).load(std::memory_order_relaxed) != 0 || others_are_waiting())
            return true;
        if (idle_vcpus.is_busy(vcpu_index())) return true;
    } while (monotonic_ns() < end);
    return false;
}

void switch_to(Thread& self, Thread& next) {
    ring_postponed();
    arch::PerCpu& cpu = arch::per_cpu();
    if (&self != cpu.idle) {
        arch::save_vector_state(self.vector_area);
        self.fs_base = arch::read_fs_base();
    }
    self.cpu_meter.stop();
    here().previous = &self;
    cpu.current = &next;
    cpu.mailbox.upcall_stack = next.kernel_stack;
    husk_switch_stacks(&self.saved_rsp, next.saved_rsp);
    husk_finish_switch();
}

void sleep_until_something_happens() {
    Deadline next = timer_queue().next();
    std::uint64_t now = monotonic_ns();
    std::uint64_t timeout_ns = next.is_never() ? UINT64_MAX : next.ns - std::min(next.ns, now);
    if (timeout_ns == 0 || watch_attention(now, timeout_ns)) return;
    if (idle_vcpus.try_sleep(vcpu_index())) platform::wait(timeout_ns);
}

void be_idle() {
    std::uint32_t self = vcpu_index();
    memory::apply_postponed_relro();
    if (!is_smp()) {
        idle_vcpus.announce_alone(self);
        return sleep_until_something_happens();
    }
    ring_postponed();
    memory::shootdown::enter_idle();
    idle_vcpus.announce(self);
    if (!somebody_waits_for(self)) sleep_until_something_happens();
    idle_vcpus.end(self);
    memory::shootdown::leave_idle();
}

}  // namespace

std::uint32_t vcpu_index() { return arch::vcpu_index(); }
std::uint32_t vcpu_count() { return arch::vcpu_count(); }
Thread& current() { return *arch::current_thread(); }
bool others_are_waiting() { return here().queue.length() != 0; }

void bring_into_runtime(Thread& thread) {
    if (!arch::others_are_started() || &thread == &current()) return;
    Guard guard(thread.lock);
    // One that waits to run looks by itself.
    bool runs = thread.state == State::running || thread.state == State::preparing || thread.state == State::woken;
    if (runs && thread.vcpu != vcpu_index()) platform::interrupt_vcpu(thread.vcpu);
}

void switch_away(Thread& self) {
    Thread* next = pick_next();
    if (next == nullptr) {
        if (self.state == State::running && may_run_on(self, vcpu_index())) {
            self.lock.unlock();
            return;
        }
        next = arch::per_cpu().idle;
    }
    switch_to(self, *next);
}

void announce_timer(Deadline deadline) {
    std::atomic_ref(arch::per_cpu().mailbox.timer_deadline_tsc).store(tsc_at(deadline), std::memory_order_relaxed);
    platform::on_timer_wish();
}

bool is_vcpu_idle(std::uint32_t vcpu) { return idle_vcpus.is_sleeping(vcpu); }

void run_idle() {
    Thread& idle = current();
    for (;;) {
        if (Thread* next = pick_next()) {
            idle.lock.lock();
            switch_to(idle, *next);
            continue;
        }
        be_idle();
        take_attention();
        timer_queue().expire();
    }
}

}  // namespace husk::thread

extern "C" void husk_finish_switch() {
    using namespace husk;
    using namespace husk::thread;
    Thread& previous = *here().previous;
    if (previous.state == State::running && !is_idle_thread(previous)) enqueue(previous);
    bool is_dead = previous.state == State::dead;
    previous.lock.unlock();
    if (is_dead) delete &previous;
    if (arch::others_are_started()) memory::shootdown::answer();

    Thread& self = current();
    self.vcpu = vcpu_index();
    self.cpu_meter.start();
    self.state = State::running;
    if (!is_idle_thread(self)) {
        arch::write_fs_base(self.fs_base);
        arch::restore_vector_state(self.vector_area);
    }
}
