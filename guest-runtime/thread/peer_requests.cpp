// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/peer_requests.hpp"

#include <array>
#include <atomic>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/base/spin.hpp"
#include "guest-runtime/base/spin_patience.hpp"
#include "guest-runtime/memory/shootdown.hpp"
#include "guest-runtime/thread/clock.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

constexpr std::uint32_t nobody = ~0u;

struct alignas(64) Peer {
    std::atomic<std::uint64_t> fenced = 0;  // fences passed
    std::atomic<bool> stands_still = false;
    SpinPatience patience;  // its own
};

constinit std::array<Peer, max_vcpus> peers;
constinit std::atomic<std::uint64_t> fences_wanted = 0;
constinit std::atomic<std::uint32_t> stopper = nobody;  // the vCPU that wants all others to stand still

// Calls act(vcpu) for each vCPU that runs, but this one.
template <class Act>
void for_each_other(Act act) {
    std::uint64_t others = arch::started_vcpus() & ~arch::vcpu_bit(vcpu_index());
    for (std::uint32_t vcpu = 0; vcpu < arch::vcpu_count(); ++vcpu) {
        if ((others >> vcpu & 1) != 0) act(vcpu);
    }
}

void ask(std::uint32_t vcpu) {
    std::atomic_ref(arch::per_cpu_of(vcpu).mailbox.attention).fetch_or(abi::attention::peer, std::memory_order_seq_cst);
    platform::interrupt_vcpu(vcpu);
}

void stand_still() {
    ring_postponed();
    Thread& self = current();
    bool is_idle = &self == arch::per_cpu().idle;
    if (!is_idle) {
        self.fs_base = arch::read_fs_base();
        arch::save_vector_state(self.vector_area);
    }
    Peer& peer = peers[vcpu_index()];
    peer.stands_still.store(true, std::memory_order_release);
    while (stopper.load(std::memory_order_acquire) != nobody) {
        // Not spin_once(): nothing that is asked meanwhile may change what the one who stopped all sees.
        __builtin_ia32_pause();
    }
    peer.stands_still.store(false, std::memory_order_relaxed);
    // A debugger may have changed them.
    if (is_idle) return;
    arch::write_fs_base(self.fs_base);
    arch::restore_vector_state(self.vector_area);
}

}  // namespace

void answer_peers() {
    std::uint32_t self = vcpu_index();
    Peer& peer = peers[self];
    memory::shootdown::answer();
    if (std::uint64_t wanted = fences_wanted.load(std::memory_order_seq_cst);
        peer.fenced.load(std::memory_order_relaxed) != wanted) {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        peer.fenced.store(wanted, std::memory_order_seq_cst);
    }
    std::uint32_t who = stopper.load(std::memory_order_acquire);
    if (who != nobody && who != self) stand_still();
}

void fence_others() {
    ring_postponed();
    std::uint64_t wanted = fences_wanted.fetch_add(1, std::memory_order_seq_cst) + 1;
    auto is_done = [wanted](std::uint32_t vcpu) {
        return peers[vcpu].fenced.load(std::memory_order_seq_cst) >= wanted || is_vcpu_idle(vcpu);
    };
    for_each_other([&](std::uint32_t vcpu) {
        if (!is_done(vcpu)) ask(vcpu);
    });
    for_each_other([&](std::uint32_t vcpu) {
        while (!is_done(vcpu)) spin_once();
    });
}

void stop_others(std::uint64_t patience_ns) {
    if (!arch::others_are_started()) return;
    ring_postponed();
    std::uint32_t self = vcpu_index();
    for (std::uint32_t expected = nobody; !stopper.compare_exchange_strong(expected, self); expected = nobody) {
        if (expected == self) return;
        answer_peers();
    }
    for_each_other([](std::uint32_t vcpu) { ask(vcpu); });
    Deadline deadline = Deadline::after_ns(patience_ns);
    for_each_other([&](std::uint32_t vcpu) {
        while (!peers[vcpu].stands_still.load(std::memory_order_acquire) && !deadline.has_passed()) {
            __builtin_ia32_pause();
        }
    });
}

void let_others_go_on() {
    std::uint32_t self = vcpu_index();
    stopper.compare_exchange_strong(self, nobody);
}

}  // namespace husk::thread

void husk::spin_once() {
    __builtin_ia32_pause();
    if (!arch::others_are_started()) return;
    thread::ring_postponed();
    thread::answer_peers();
    if (thread::peers[thread::vcpu_index()].patience.is_over(thread::monotonic_ns())) platform::give_way();
}
