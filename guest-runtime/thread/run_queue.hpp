// SPDX-License-Identifier: Apache-2.0
// The threads that wait for one vCPU, first come first served.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/spinlock.hpp"

namespace husk::thread {

// `T` is a ListNode<Tag> with an `affinity` word (bit n: may run on vCPU n).
template <class T, class Tag>
class RunQueue {
public:
    void push(T& thread) {
        Guard guard(lock_);
        threads_.push_back(thread);
        length_.fetch_add(1, std::memory_order_relaxed);
    }
    // The longest waiting one that may run on `vcpu`, or nullptr.
    T* pop(std::uint32_t vcpu) {
        if (length() == 0) return nullptr;
        Guard guard(lock_);
        for (T& thread : threads_) {
            if ((thread.affinity >> vcpu & 1) == 0) continue;
            static_cast<ListNode<Tag>&>(thread).unlink();
            length_.fetch_sub(1, std::memory_order_relaxed);
            return &thread;
        }
        return nullptr;
    }
    [[nodiscard]] std::uint32_t length() const { return length_.load(std::memory_order_relaxed); }

private:
    Spinlock lock_;
    List<T, Tag> threads_;
    std::atomic<std::uint32_t> length_ = 0;
};

}  // namespace husk::thread
