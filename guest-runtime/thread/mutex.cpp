// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/mutex.hpp"

namespace husk::thread {

void Mutex::lock() {
    if (!exchange(held_, true, std::memory_order_acquire)) return;
    Sleeper sleeper;
    waiters_.add(sleeper);
    for (;;) {
        prepare_to_park();
        if (!exchange(held_, true, std::memory_order_acquire)) break;
        park_uninterruptible(Deadline::never());
    }
    cancel_park();
    waiters_.remove(sleeper);
}

void Mutex::unlock() {
    held_.store(false, std::memory_order_release);
    waiters_.wake_one();
}

}  // namespace husk::thread
