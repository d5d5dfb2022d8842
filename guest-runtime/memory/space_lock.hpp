// SPDX-License-Identifier: Apache-2.0
// A lock that one vCPU holds alone, or many hold together without a word that they share.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "guest-runtime/base/spinlock.hpp"

namespace husk::memory {

// For what many read and few change. Holding it together costs one write to a line of the vCPU's own; holding it alone
// costs a look at each vCPU. Who wants it alone goes first: whoever comes later to hold it together waits.
template <std::uint32_t max_vcpus>
class SpaceLock {
public:
    constexpr SpaceLock() = default;
    SpaceLock(const SpaceLock&) = delete;
    SpaceLock& operator=(const SpaceLock&) = delete;

    // `vcpus`: how many there are. Not while this vCPU holds it together with others.
    void lock(std::uint32_t vcpus) {
        alone_.lock();
        is_wanted_.store(true, std::memory_order_seq_cst);
        for (std::uint32_t vcpu = 0; vcpu < vcpus; ++vcpu) {
            // Acquire: what was done under it together comes before.
            while (marks_[vcpu].is_set.load(std::memory_order_seq_cst)) spin_once();
        }
    }
    void unlock() {
        is_wanted_.store(false, std::memory_order_release);
        alone_.unlock();
    }

    // Not while this vCPU holds it already, and not across a sleep.
    void lock_together(std::uint32_t vcpu) {
        std::atomic<bool>& mark = marks_[vcpu].is_set;
        for (;;) {
            // Either the one who wants it alone sees the mark, or this vCPU sees the wish.
            mark.store(true, std::memory_order_seq_cst);
            if (!is_wanted_.load(std::memory_order_seq_cst)) return;
            mark.store(false, std::memory_order_release);
            while (is_wanted_.load(std::memory_order_relaxed)) spin_once();
        }
    }
    void unlock_together(std::uint32_t vcpu) { marks_[vcpu].is_set.store(false, std::memory_order_release); }

private:
    struct alignas(64) Mark {
        std::atomic<bool> is_set = false;
    };
    Spinlock alone_;
    alignas(64) std::atomic<bool> is_wanted_ = false;  // read by all, written with each change
    std::array<Mark, max_vcpus> marks_{};
};

}  // namespace husk::memory
