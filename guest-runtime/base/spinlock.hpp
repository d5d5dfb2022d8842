// SPDX-License-Identifier: Apache-2.0
// A lock for short sections that never sleep; the runtime is not pre-empted, so only other vCPUs contend.
#pragma once

#include <atomic>

#include "guest-runtime/base/alone.hpp"
#include "guest-runtime/base/spin.hpp"

namespace husk {

class Spinlock {
public:
    constexpr Spinlock() = default;
    Spinlock(const Spinlock&) = delete;
    Spinlock& operator=(const Spinlock&) = delete;

    // Not in line: locks are taken in hundreds of places.
    [[gnu::noinline]] void lock() {
        while (exchange(held_, true, std::memory_order_acquire)) [[unlikely]] {
                while (held_.load(std::memory_order_relaxed)) spin_once();
            }
    }
    bool try_lock() { return !exchange(held_, true, std::memory_order_acquire); }
    void unlock() { held_.store(false, std::memory_order_release); }

private:
    std::atomic<bool> held_ = false;
};

// Holds a lock (Spinlock or Mutex) for a scope.
template <class Lock>
class [[nodiscard]] Guard {
public:
    explicit Guard(Lock& lock) : lock_(&lock) { lock.lock(); }
    ~Guard() { unlock(); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    // Ends the section early.
    void unlock() {
        if (lock_ != nullptr) lock_->unlock();
        lock_ = nullptr;
    }

private:
    Lock* lock_;
};

}  // namespace husk
