// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/shootdown.hpp"

#include <atomic>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/page_table_gate.hpp"
#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/base/spin.hpp"
#include "guest-runtime/memory/shootdown_ledger.hpp"

namespace husk::memory::shootdown {

namespace {

constinit ShootdownLedger<arch::max_vcpus> ledger;
constinit std::atomic<std::uint64_t> completed = 0;

// A vCPU that is in the runtime answers by itself soon; bringing one out of the application costs two exits.
constexpr int patience = 200;
// An interrupt that finds its vCPU at the very end of its way out may be seen late: it is repeated.
constexpr int rounds_between_interrupts = 100'000;

std::uint32_t self() { return arch::vcpu_index(); }

void note_completed(std::uint64_t generation) {
    std::uint64_t known = completed.load(std::memory_order_relaxed);
    while (known < generation && !completed.compare_exchange_weak(known, generation, std::memory_order_acq_rel)) {
    }
}

void wait_for_vcpu(std::uint32_t vcpu, std::uint64_t generation) {
    for (int round = 0; !ledger.is_served(vcpu, generation); ++round) {
        if (round == patience) platform::interrupt_vcpu(vcpu);
        if (round == rounds_between_interrupts) round = patience - 1;
        spin_once();
    }
}

}  // namespace

std::uint64_t request() {
    std::uint64_t generation = ledger.request();
    // This vCPU's own translations were dropped with each change.
    std::uint64_t others = arch::started_vcpus() & ~arch::vcpu_bit(self());
    for (std::uint32_t vcpu = 0; others >> vcpu != 0 && vcpu < arch::max_vcpus; ++vcpu) {
        if ((others >> vcpu & 1) == 0 || ledger.is_served(vcpu, generation)) continue;
        std::atomic_ref(arch::per_cpu_of(vcpu).mailbox.attention)
            .fetch_or(abi::attention::peer, std::memory_order_seq_cst);
    }
    return generation;
}

std::uint64_t pending() { return ledger.requested(); }

bool is_complete(std::uint64_t generation) { return completed.load(std::memory_order_acquire) >= generation; }

void wait_for(std::uint64_t generation) {
    if (is_complete(generation)) return;
    std::uint64_t others = arch::started_vcpus() & ~arch::vcpu_bit(self());
    for (std::uint32_t vcpu = 0; vcpu < arch::vcpu_count(); ++vcpu) {
        if ((others >> vcpu & 1) != 0) wait_for_vcpu(vcpu, generation);
    }
    note_completed(generation);
}

void answer() {
    if (ledger.is_asked(self())) ledger.acknowledge(self(), arch::flush_translations);
}

void enter_idle() { ledger.enter_idle(self()); }
void leave_idle() { ledger.leave_idle(self(), arch::flush_translations); }

}  // namespace husk::memory::shootdown
