// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/scheduler.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <optional>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/memory/late_relro.hpp"
#include "guest-runtime/memory/shootdown.hpp"
#include "guest-runtime/thread/attention.hpp"
#include "guest-runtime/thread/clock_source.hpp"
#include "guest-runtime/thread/run_queue.hpp"
#include "guest-runtime/thread/thread.hpp"
#include "guest-runtime/thread/timer_queue.hpp"
#include "guest-runtime/thread/vcpu_start.hpp"

namespace husk::thread {

namespace {

enum class Idleness : std::uint8_t {
    busy,      // or about to be: somebody has given it a thread
    looking,   // notices by itself
    sleeping,  // has to be woken
};

struct alignas(64) Vcpu {
    RunQueue<Thread, RunTag> queue;
    std::atomic<Idleness> idleness = Idleness::busy;
    Thread* previous = nullptr;  // who was just switched away from, its lock held
};

constinit std::array<Vcpu, max_vcpus> vcpus;

// Bit n: vCPU n has nothing to run, and nobody has claimed it yet.
alignas(64) constinit std::atomic<std::uint64_t> idle_vcpus = 0;

Vcpu& here() { return vcpus[vcpu_index()]; }
bool is_smp() { return arch::vcpu_count() != 1; }
bool is_idle_thread(const Thread& thread) { return &thread == arch::per_cpu().idle; }
bool may_run_on(const Thread& thread, std::uint32_t vcpu) {
    return (thread.affinity.load(std::memory_order_relaxed) >> vcpu & 1) != 0;
}

std::atomic_ref<std::uint32_t> tick_wish_of(std::uint32_t vcpu) {
    return std::atomic_ref(arch::per_cpu_of(vcpu).mailbox.want_tick);
}

void update_tick_wish() {
    std::atomic_ref wish(arch::per_cpu().mailbox.want_tick);
    RunQueue<Thread, RunTag>& queue = here().queue;
    bool is_wanted = queue.length() != 0;
    wish.store(is_wanted ? 1 : 0, std::memory_order_seq_cst);
    // Another vCPU may queue a thread here and make the wish between the two lines above: it must not be lost.
    if (!is_wanted && is_smp() && queue.length() != 0) wish.store(1, std::memory_order_relaxed);
    platform::on_timer_wish();
}

// A thread waits for a busy vCPU, which therefore wants to be interrupted after its time slice.
void wish_tick_of(std::uint32_t vcpu) {
    if (tick_wish_of(vcpu).exchange(1, std::memory_order_seq_cst) == 0) platform::on_timer_wish_of(vcpu);
}

// Takes a vCPU out of the idle ones, for a thread that is or will be in its queue or, for stealing, in any other.
bool claim_idle(std::uint32_t vcpu) {
    return (idle_vcpus.fetch_and(~arch::vcpu_bit(vcpu), std::memory_order_seq_cst) >> vcpu & 1) != 0;
}

void wake_claimed(std::uint32_t vcpu) {
    if (vcpus[vcpu].idleness.exchange(Idleness::busy, std::memory_order_seq_cst) == Idleness::sleeping) {
        platform::wake_vcpu(vcpu);
    }
}

// An idle vCPU that is the caller's from now on, `preferred` if it is one.
std::optional<std::uint32_t> claim_any_idle(std::uint64_t allowed, std::uint32_t preferred) {
    for (;;) {
        std::uint64_t idle = idle_vcpus.load(std::memory_order_seq_cst) & allowed;
        if (idle == 0) return std::nullopt;
        std::uint32_t vcpu = preferred;
        if ((idle >> preferred & 1) == 0) vcpu = static_cast<std::uint32_t>(std::countr_zero(idle));
        if (claim_idle(vcpu)) return vcpu;
    }
}

// Where a thread waits when no vCPU is idle: where it ran last, unless others wait for that longer.
std::uint32_t shortest_queue(std::uint64_t allowed, std::uint32_t preferred) {
    std::uint64_t running = arch::started_vcpus() & allowed;
    if (running == 0) return static_cast<std::uint32_t>(std::countr_zero(allowed));
    std::uint32_t best = preferred;
    if ((running >> preferred & 1) == 0) best = static_cast<std::uint32_t>(std::countr_zero(running));
    std::uint32_t bound = vcpus[best].queue.length();
    for (std::uint64_t rest = running; rest != 0 && bound > 1; rest &= rest - 1) {
        auto vcpu = static_cast<std::uint32_t>(std::countr_zero(rest));
        if (std::uint32_t length = vcpus[vcpu].queue.length(); length + 1 < bound) {
            best = vcpu;
            bound = length;
        }
    }
    return best;
}

void queue_on(std::uint32_t vcpu, Thread& thread) {
    thread.queued_on = vcpu;
    vcpus[vcpu].queue.push(thread);
}

void enqueue_among_many(Thread& thread) {
    std::uint32_t self = vcpu_index();
    std::uint32_t last = thread.vcpu;
    std::uint64_t allowed = thread.affinity.load(std::memory_order_relaxed) & arch::all_vcpus();
    // The thread may run, and end, as soon as it is queued.
    bool is_application = thread.tid != 0 && current().tid != 0;

    bool is_idle_here = is_idle_thread(current()) && here().queue.length() == 0 && (allowed >> self & 1) != 0;
    if (is_idle_here && (last == self || (idle_vcpus.load(std::memory_order_relaxed) >> last & 1) == 0)) {
        return queue_on(self, thread);
    }
    if (auto idle = claim_any_idle(allowed, last)) {
        queue_on(*idle, thread);
        return wake_claimed(*idle);
    }
    std::uint32_t target = shortest_queue(allowed, last);
    queue_on(target, thread);
    // A vCPU that has become idle since says so before it looks at the queues, and was not seen above only if it has
    // yet to look; or it is seen now.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (auto idle = claim_any_idle(allowed, target)) return wake_claimed(*idle);
    if ((arch::started_vcpus() >> target & 1) == 0) {
        start_vcpu(target);
    } else if (target == self) {
        update_tick_wish();
    } else {
        wish_tick_of(target);
    }
    if (is_application) start_one_of(allowed);
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
        if (here().idleness.load(std::memory_order_relaxed) == Idleness::busy) return true;
    } while (monotonic_ns() < end);
    return false;
}

// The next thread for this vCPU: its own queue first, then whoever waits elsewhere.
Thread* pick_next() {
    std::uint32_t self = vcpu_index();
    std::uint32_t count = arch::vcpu_count();
    Thread* next = vcpus[self].queue.pop(self);
    for (std::uint32_t i = 1; next == nullptr && i < count; ++i) {
        next = vcpus[(self + i) % count].queue.pop(self);
    }
    update_tick_wish();
    return next;
}

bool somebody_waits_for(std::uint32_t vcpu) {
    for (std::uint32_t i = 0; i < arch::vcpu_count(); ++i) {
        if (vcpus[i].queue.has_one_for(vcpu)) return true;
    }
    return false;
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

void sleep_until_something_happens() {
    Deadline next = timer_queue().next();
    std::uint64_t now = monotonic_ns();
    std::uint64_t timeout_ns = next.is_never() ? UINT64_MAX : next.ns - std::min(next.ns, now);
    if (timeout_ns == 0 || watch_attention(now, timeout_ns)) return;
    Idleness expected = Idleness::looking;
    if (!here().idleness.compare_exchange_strong(expected, Idleness::sleeping, std::memory_order_seq_cst)) return;
    platform::wait(timeout_ns);
}

// Announces idleness, then looks once more: pairs with enqueue(), which queues first and looks at who is idle after.
void be_idle() {
    std::uint32_t self = vcpu_index();
    memory::apply_postponed_relro();
    if (!is_smp()) {
        vcpus[self].idleness.store(Idleness::looking, std::memory_order_relaxed);
        return sleep_until_something_happens();
    }
    vcpus[self].idleness.store(Idleness::looking, std::memory_order_relaxed);
    memory::shootdown::enter_idle();
    idle_vcpus.fetch_or(arch::vcpu_bit(self), std::memory_order_seq_cst);
    if (!somebody_waits_for(self)) sleep_until_something_happens();
    claim_idle(self);
    vcpus[self].idleness.store(Idleness::busy, std::memory_order_relaxed);
    memory::shootdown::leave_idle();
}

}  // namespace

std::uint32_t vcpu_index() { return arch::vcpu_index(); }
std::uint32_t vcpu_count() { return arch::vcpu_count(); }
Thread& current() { return *arch::current_thread(); }
bool others_are_waiting() { return here().queue.length() != 0; }

void enqueue(Thread& thread) {
    thread.state = State::runnable;
    if (is_smp()) return enqueue_among_many(thread);
    queue_on(0, thread);
    update_tick_wish();
}

void move_if_misplaced(Thread& thread) {
    Guard guard(thread.lock);
    if (thread.state == State::runnable) {
        if (may_run_on(thread, thread.queued_on)) return;
        // Or it was just taken, and looks on its way out.
        thread.work.fetch_or(work::move, std::memory_order_seq_cst);
        if (vcpus[thread.queued_on].queue.remove(thread)) enqueue(thread);
    } else if (thread.state != State::parked && thread.state != State::dead && !may_run_on(thread, thread.vcpu)) {
        thread.work.fetch_or(work::move, std::memory_order_seq_cst);
        if (thread.vcpu != vcpu_index()) platform::interrupt_vcpu(thread.vcpu);
    }
}

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

bool threads_are_waiting() {
    for (std::uint32_t i = 0; i < arch::vcpu_count(); ++i) {
        if (vcpus[i].queue.length() != 0) return true;
    }
    return false;
}

bool is_vcpu_idle(std::uint32_t vcpu) {
    return vcpus[vcpu].idleness.load(std::memory_order_seq_cst) == Idleness::sleeping;
}

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
    self.switched_in_ns = monotonic_ns();
    self.state = State::running;
    if (!is_idle_thread(self)) {
        arch::write_fs_base(self.fs_base);
        arch::restore_vector_state(self.vector_area);
    }
}
