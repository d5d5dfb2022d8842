// SPDX-License-Identifier: Apache-2.0
// A lock whose holder may sleep.
#pragma once

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::thread {

class Mutex {
public:
    constexpr Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;

    void lock();
    void unlock();

private:
    std::atomic<bool> held_ = false;
    WaitQueue waiters_;
};

}  // namespace husk::thread
