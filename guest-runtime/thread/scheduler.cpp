// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/scheduler.hpp"

#include <algorithm>
#include <array>
#include <atomic>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/memory/late_relro.hpp"
#include "guest-runtime/thread/attention.hpp"
#include "guest-runtime/thread/clock_source.hpp"
#include "guest-runtime/thread/run_queue.hpp"
#include "guest-runtime/thread/thread.hpp"
#include "guest-runtime/thread/timer_queue.hpp"

namespace husk::thread {

namespace {

struct Vcpu {
    RunQueue<Thread, RunTag> queue;
    std::atomic<bool> is_idle = false;
    Thread* previous = nullptr;  // who was just switched away from, its lock held
};

constinit std::array<Vcpu, max_vcpus> vcpus;
constinit std::uint32_t vcpus_in_use = 1;

Vcpu& here() { return vcpus[vcpu_index()]; }

void update_tick_wish() {
    arch::per_cpu().mailbox.want_tick = here().queue.length() != 0 ? 1 : 0;
    platform::on_timer_wish();
}

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
    } while (monotonic_ns() < end);
    return false;
}

// The next thread for this vCPU: its own queue first, then whoever waits elsewhere.
Thread* pick_next() {
    std::uint32_t self = vcpu_index();
    Thread* next = vcpus[self].queue.pop(self);
    for (std::uint32_t i = 1; next == nullptr && i < vcpus_in_use; ++i) {
        next = vcpus[(self + i) % vcpus_in_use].queue.pop(self);
    }
    update_tick_wish();
    return next;
}

void switch_to(Thread& self, Thread& next) {
    arch::PerCpu& cpu = arch::per_cpu();
    if (&self != cpu.idle) {
        arch::save_vector_state(self.vector_area);
        self.fs_base = arch::read_fs_base();
    }
    self.cpu_ns += monotonic_ns() - self.switched_in_ns;
    here().previous = &self;
    cpu.current = &next;
    cpu.mailbox.upcall_stack = next.kernel_stack;
    husk_switch_stacks(&self.saved_rsp, next.saved_rsp);
    husk_finish_switch();
}

}  // namespace

std::uint32_t vcpu_index() { return arch::per_cpu().mailbox.vcpu_index; }
std::uint32_t vcpu_count() { return vcpus_in_use; }
Thread& current() { return *arch::current_thread(); }
bool others_are_waiting() { return here().queue.length() != 0; }

void initialise_scheduler(std::uint32_t count) { vcpus_in_use = count < max_vcpus ? count : max_vcpus; }

void enqueue(Thread& thread) {
    thread.state = State::runnable;
    std::uint32_t target = thread.vcpu;
    vcpus[target].queue.push(thread);
    if (target == vcpu_index()) {
        update_tick_wish();
    } else if (vcpus[target].is_idle.load(std::memory_order_seq_cst)) {
        platform::wake_vcpu(target);
    }
}

void switch_away(Thread& self) {
    Thread* next = pick_next();
    if (next == nullptr) {
        if (self.state == State::running) {
            self.lock.unlock();
            return;
        }
        next = arch::per_cpu().idle;
    }
    switch_to(self, *next);
}

void announce_timer(Deadline deadline) {
    arch::per_cpu().mailbox.timer_deadline_tsc = tsc_at(deadline);
    platform::on_timer_wish();
}

void run_idle() {
    Thread& idle = current();
    for (;;) {
        if (Thread* next = pick_next()) {
            idle.lock.lock();
            switch_to(idle, *next);
            continue;
        }
        // Announce idleness, then look once more: pairs with enqueue(), which queues first and looks at is_idle after.
        here().is_idle.store(true, std::memory_order_seq_cst);
        memory::apply_postponed_relro();
        if (!others_are_waiting()) {
            Deadline next = timer_queue().next();
            std::uint64_t now = monotonic_ns();
            std::uint64_t timeout_ns = next.is_never() ? UINT64_MAX : next.ns - std::min(next.ns, now);
            if (timeout_ns != 0 && !watch_attention(now, timeout_ns)) platform::wait(timeout_ns);
        }
        here().is_idle.store(false, std::memory_order_relaxed);
        take_attention();
        timer_queue().expire();
    }
}

}  // namespace husk::thread

extern "C" void husk_finish_switch() {
    using namespace husk;
    using namespace husk::thread;
    Vcpu& vcpu = here();
    Thread& previous = *vcpu.previous;
    if (previous.state == State::running && &previous != arch::per_cpu().idle) enqueue(previous);
    bool is_dead = previous.state == State::dead;
    previous.lock.unlock();
    if (is_dead) delete &previous;

    Thread& self = current();
    self.state = State::running;
    self.vcpu = vcpu_index();
    self.switched_in_ns = monotonic_ns();
    if (&self != arch::per_cpu().idle) {
        arch::write_fs_base(self.fs_base);
        arch::restore_vector_state(self.vector_area);
    }
}
