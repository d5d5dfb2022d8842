// SPDX-License-Identifier: Apache-2.0
// Who has dropped stale translations and who has not: a generation for each request, and how far each vCPU has come.
//
//   asking:     change the page tables; gen = request(); ring the vCPUs that are not is_served(v, gen); wait for them
//   asked:      acknowledge(v, flush)
//   idle:       enter_idle(v); ... nothing of the application's memory is touched ...; leave_idle(v, flush)
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace husk::memory {

template <std::uint32_t vcpus>
class ShootdownLedger {
public:
    // Everything that was changed before is covered by the generation that this returns.
    std::uint64_t request() { return requested_.fetch_add(1, std::memory_order_seq_cst) + 1; }
    // The last one that was handed out.
    [[nodiscard]] std::uint64_t requested() const { return requested_.load(std::memory_order_seq_cst); }

    [[nodiscard]] bool is_asked(std::uint32_t vcpu) const {
        return marks_[vcpu].flushed.load(std::memory_order_relaxed) != requested_.load(std::memory_order_relaxed);
    }
    // flush() drops all of this vCPU's translations. What is requested while it runs is left for the next time.
    template <class Flush>
    void acknowledge(std::uint32_t vcpu, Flush flush) {
        std::uint64_t generation = requested_.load(std::memory_order_seq_cst);
        flush();
        // Pairs with the load in is_served(): no access through an old translation comes after it.
        marks_[vcpu].flushed.store(generation, std::memory_order_release);
    }

    void enter_idle(std::uint32_t vcpu) { marks_[vcpu].is_idle.store(true, std::memory_order_seq_cst); }
    // Either the one who asks sees that this vCPU is not idle any more, or this vCPU sees the request here.
    template <class Flush>
    void leave_idle(std::uint32_t vcpu, Flush flush) {
        marks_[vcpu].is_idle.store(false, std::memory_order_seq_cst);
        if (requested_.load(std::memory_order_seq_cst) == marks_[vcpu].flushed.load(std::memory_order_relaxed)) return;
        acknowledge(vcpu, flush);
    }

    [[nodiscard]] bool is_served(std::uint32_t vcpu, std::uint64_t generation) const {
        return marks_[vcpu].flushed.load(std::memory_order_acquire) >= generation ||
               marks_[vcpu].is_idle.load(std::memory_order_seq_cst);
    }

private:
    struct alignas(64) Mark {
        std::atomic<std::uint64_t> flushed = 0;
        std::atomic<bool> is_idle = false;
    };
    std::atomic<std::uint64_t> requested_ = 0;
    std::array<Mark, vcpus> marks_{};
};

}  // namespace husk::memory
