// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/vcpu_start.hpp"

#include <atomic>
#include <bit>
#include <new>

#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/alone.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/memory/shootdown.hpp"
#include "guest-runtime/thread/clock_source.hpp"
#include "guest-runtime/thread/first_thread.hpp"
#include "guest-runtime/thread/peer_requests.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/timer.hpp"
#include "guest-runtime/thread/vcpu_queues.hpp"

namespace husk::thread {

namespace {

constinit std::atomic<std::uint64_t> asked_to_start = arch::vcpu_bit(0);
constinit std::atomic<bool> one_is_on_its_way = false;
// Threads for one vCPU only, which has to wait until the one on its way is there.
constinit std::atomic<std::uint64_t> wanted = 0;

// That one, until it has come or is given up: whoever exchanges this first.
constexpr std::uint32_t nobody = UINT32_MAX;
constinit std::atomic<std::uint32_t> awaited = nobody;

void start_wanted();

// A foreign VMM may describe a CPU that does not start. One that does needs a few microseconds, or as long as the host
// leaves it waiting.
class Patience final : public Timer {
    void on_expiry() override {
        std::uint32_t vcpu = awaited.exchange(nobody, std::memory_order_acq_rel);
        if (vcpu == nobody) return;
        platform::give_up_vcpu(vcpu);
        arch::note_missing(vcpu);
        empty_queue_of(vcpu);
        one_is_on_its_way.store(false, std::memory_order_seq_cst);
        start_wanted();
    }
};
constexpr std::uint64_t longest_start_ns = 3'000'000'000;
constinit std::atomic<Patience*> patience = nullptr;  // where is_foreign, from the first start on

// With one_is_on_its_way taken.
void start(std::uint32_t vcpu) {
    asked_to_start.fetch_or(arch::vcpu_bit(vcpu), std::memory_order_seq_cst);
    share_clock();
    note_others();
    awaited.store(vcpu, std::memory_order_release);
    if (platform::is_foreign) {
        // Without memory for it nobody is given up.
        if (patience.load(std::memory_order_relaxed) == nullptr)
            patience.store(new (std::nothrow) Patience, std::memory_order_release);
        if (Patience* timer = patience.load(std::memory_order_relaxed))
            timer->arm(Deadline::after_ns(longest_start_ns));
    }
    platform::wake_vcpu(vcpu);
}

// On a vCPU with its first instructions behind it. Does not return when it was given up just now.
void come(std::uint32_t self) {
    std::uint32_t expected = self;
    if (!awaited.compare_exchange_strong(expected, nobody, std::memory_order_acq_rel)) {
        for (;;) platform::wait(UINT64_MAX);
    }
    if (Patience* timer = patience.load(std::memory_order_acquire)) timer->disarm();
}

void start_wanted() {
    for (;;) {
        std::uint64_t missing =
            wanted.load(std::memory_order_seq_cst) & ~asked_to_start.load(std::memory_order_seq_cst);
        if (missing == 0 || one_is_on_its_way.exchange(true, std::memory_order_seq_cst)) return;
        missing = wanted.load(std::memory_order_seq_cst) & ~asked_to_start.load(std::memory_order_seq_cst);
        if (missing != 0) return start(static_cast<std::uint32_t>(std::countr_zero(missing)));
        one_is_on_its_way.store(false, std::memory_order_seq_cst);
    }
}

}  // namespace

void start_vcpu(std::uint32_t vcpu) {
    wanted.fetch_or(arch::vcpu_bit(vcpu), std::memory_order_seq_cst);
    start_wanted();
}

void start_one_of(std::uint64_t allowed) {
    std::uint64_t rest = allowed & arch::all_vcpus() & ~asked_to_start.load(std::memory_order_relaxed);
    if (rest == 0 || one_is_on_its_way.load(std::memory_order_relaxed)) return;
    start_vcpu(static_cast<std::uint32_t>(std::countr_zero(rest)));
}

void run_secondary_vcpu(bool has_one_tsc) {
    arch::PerCpu& cpu = arch::per_cpu();
    arch::initialise_per_cpu(cpu);
    become_idle_thread();
    come(cpu.mailbox.vcpu_index);
    // Where the host's TSC is not the same on all CPUs, KVM moves each vCPU's as its thread goes from one to another.
    if (has_one_tsc) trust_all_counters();
    // Its translations are fresh, but something may change before the others know of it.
    memory::shootdown::enter_idle();
    arch::note_started(cpu.mailbox.vcpu_index);
    memory::shootdown::leave_idle();
    answer_peers();
    one_is_on_its_way.store(false, std::memory_order_seq_cst);
    start_wanted();
    if (threads_are_waiting()) start_one_of(~0ull);
    run_idle();
}

}  // namespace husk::thread
