// SPDX-License-Identifier: Apache-2.0
// The threads that wait for one vCPU, first come first served.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/spinlock.hpp"

namespace husk::thread {

// `T` is a ListNode<Tag> with an atomic `affinity` word (bit n: may run on vCPU n).
template <class T, class Tag>
class RunQueue {
public:
    void push(T& thread) {
        Guard guard(lock_);
        threads_.push_back(thread);
        // Whoever queues a thread looks at who is idle afterwards; an idle vCPU looks here after it has said so.
        length_.fetch_add(1, std::memory_order_seq_cst);
    }
    // The longest waiting one that may run on `vcpu`, or nullptr.
    T* pop(std::uint32_t vcpu) {
        if (length() == 0) return nullptr;
        Guard guard(lock_);
        for (T& thread : threads_) {
            if (!may_run(thread, vcpu)) continue;
            take(thread);
            return &thread;
        }
        return nullptr;
    }
    [[nodiscard]] bool has_one_for(std::uint32_t vcpu) {
        if (length() == 0) return false;
        Guard guard(lock_);
        for (T& thread : threads_) {
            if (may_run(thread, vcpu)) return true;
        }
        return false;
    }
    // False when it is not in this queue any more. It lives, and is in no other.
    bool remove(T& thread) {
        Guard guard(lock_);
        for (T& other : threads_) {
            if (&other != &thread) continue;
            take(thread);
            return true;
        }
        return false;
    }
    [[nodiscard]] std::uint32_t length() const { return length_.load(std::memory_order_seq_cst); }

private:
    static bool may_run(const T& thread, std::uint32_t vcpu) {
        return (thread.affinity.load(std::memory_order_relaxed) >> vcpu & 1) != 0;
    }
    void take(T& thread) {
        static_cast<ListNode<Tag>&>(thread).unlink();
        length_.fetch_sub(1, std::memory_order_relaxed);
    }

    Spinlock lock_;
    List<T, Tag> threads_;
    std::atomic<std::uint32_t> length_ = 0;
};

}  // namespace husk::thread
