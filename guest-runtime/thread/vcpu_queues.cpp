// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/vcpu_queues.hpp"

#include <atomic>
#include <bit>
#include <new>
#include <utility>

#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/thread/vcpu_start.hpp"

namespace husk::thread {

constinit std::array<VcpuRoom, max_vcpus> vcpus;
constinit IdleVcpus<max_vcpus> idle_vcpus;

namespace {

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

// Somebody holds locks here, for which others would wait as long as the exit takes.
void wake_claimed(std::uint32_t vcpu) {
    here().to_wake |= arch::vcpu_bit(vcpu);
    std::atomic_ref(arch::per_cpu().mailbox.attention).fetch_or(abi::attention::own, std::memory_order_relaxed);
}

// Where a thread waits when no vCPU is idle: where it ran last, unless others wait for that longer.
std::uint32_t shortest_queue(std::uint64_t allowed, std::uint32_t preferred) {
    std::uint64_t running = arch::started_vcpus() & allowed;
    if (running == 0) return static_cast<std::uint32_t>(std::countr_zero(allowed));
    std::uint32_t best = preferred;
    if ((running >> preferred & 1) == 0) best = static_cast<std::uint32_t>(std::countr_zero(running));
    std::uint32_t bound = vcpu_at(best).queue.length();
    for (std::uint64_t rest = running; rest != 0 && bound > 1; rest &= rest - 1) {
        auto vcpu = static_cast<std::uint32_t>(std::countr_zero(rest));
        if (std::uint32_t length = vcpu_at(vcpu).queue.length(); length + 1 < bound) {
            best = vcpu;
            bound = length;
        }
    }
    return best;
}

void queue_on(std::uint32_t vcpu, Thread& thread) {
    thread.queued_on = vcpu;
    vcpu_at(vcpu).queue.push(thread);
}

void enqueue_among_many(Thread& thread) {
    std::uint32_t self = vcpu_index();
    std::uint32_t last = thread.vcpu;
    std::uint64_t allowed = thread.affinity.load(std::memory_order_relaxed) & arch::all_vcpus();
    // As on Linux when a CPU goes offline: a thread that was bound to it alone may run anywhere.
    if (allowed == 0) thread.affinity.store(allowed = arch::all_vcpus(), std::memory_order_relaxed);
    // The thread may run, and end, as soon as it is queued.
    bool is_application = thread.tid != 0 && current().tid != 0;

    bool is_idle_here = is_idle_thread(current()) && here().queue.length() == 0 && (allowed >> self & 1) != 0;
    if (is_idle_here && (last == self || !idle_vcpus.is_idle(last))) {
        return queue_on(self, thread);
    }
    if (auto idle = idle_vcpus.claim_any(allowed, last)) {
        queue_on(*idle, thread);
        return wake_claimed(*idle);
    }
    std::uint32_t target = shortest_queue(allowed, last);
    queue_on(target, thread);
    // A vCPU that has become idle since says so before it looks at the queues, and was not seen above only if it has
    // yet to look; or it is seen now.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (auto idle = idle_vcpus.claim_any(allowed, target)) return wake_claimed(*idle);
    if ((arch::all_vcpus() >> target & 1) == 0) {
        // Given up since. Unless whoever did so has found the thread there and waits for its lock, it is queued again.
        if (vcpu_at(target).queue.remove(thread)) enqueue_among_many(thread);
        return;
    }
    if ((arch::started_vcpus() >> target & 1) == 0) {
        start_vcpu(target);
    } else if (target == self) {
        update_tick_wish();
    } else {
        wish_tick_of(target);
    }
    if (is_application) start_one_of(allowed);
}

}  // namespace

void initialise_queues() {
    for (std::uint32_t i = 0; i < vcpu_count(); ++i) new (&vcpus[i].vcpu) Vcpu;
}

// The next thread for this vCPU: its own queue first, then whoever waits elsewhere.
Thread* pick_next() {
    std::uint32_t self = vcpu_index();
    std::uint32_t count = arch::vcpu_count();
    Thread* next = vcpu_at(self).queue.pop(self);
    for (std::uint32_t i = 1; next == nullptr && i < count; ++i) {
        next = vcpu_at((self + i) % count).queue.pop(self);
    }
    update_tick_wish();
    return next;
}

void ring_postponed() {
    if (!is_smp() || here().to_wake == 0) return;
    std::atomic_ref(arch::per_cpu().mailbox.attention).fetch_and(~abi::attention::own, std::memory_order_relaxed);
    for (std::uint64_t rest = std::exchange(here().to_wake, 0); rest != 0; rest &= rest - 1) {
        auto vcpu = static_cast<std::uint32_t>(std::countr_zero(rest));
        if (idle_vcpus.needs_wake(vcpu)) platform::wake_vcpu(vcpu);
    }
}

void empty_queue_of(std::uint32_t vcpu) {
    while (Thread* thread = vcpu_at(vcpu).queue.pop(vcpu)) {
        Guard guard(thread->lock);
        enqueue(*thread);
    }
}

bool somebody_waits_for(std::uint32_t vcpu) {
    for (std::uint32_t i = 0; i < arch::vcpu_count(); ++i) {
        if (vcpu_at(i).queue.has_one_for(vcpu)) return true;
    }
    return false;
}

bool threads_are_waiting() {
    for (std::uint32_t i = 0; i < arch::vcpu_count(); ++i) {
        if (vcpu_at(i).queue.length() != 0) return true;
    }
    return false;
}

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
        if (vcpu_at(thread.queued_on).queue.remove(thread)) enqueue(thread);
    } else if (thread.state != State::parked && thread.state != State::dead && !may_run_on(thread, thread.vcpu)) {
        thread.work.fetch_or(work::move, std::memory_order_seq_cst);
        if (thread.vcpu != vcpu_index()) platform::interrupt_vcpu(thread.vcpu);
    }
}

}  // namespace husk::thread
