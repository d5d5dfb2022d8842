// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::thread {

void WaitQueue::add(Waiter& waiter) {
    Guard guard(lock_);
    waiters_.push_back(waiter);
}

void WaitQueue::remove(Waiter& waiter) {
    Guard guard(lock_);
    waiter.unlink();
}

bool WaitQueue::wake_one() {
    Guard guard(lock_);
    Waiter* served = nullptr;
    for (Waiter& waiter : waiters_) {
        if (waiter.is_exclusive() && served != nullptr) continue;
        if (waiter.on_wake() && waiter.is_exclusive()) served = &waiter;
    }
    if (served == nullptr) return false;
    served->unlink();
    waiters_.push_back(*served);
    return true;
}

void WaitQueue::wake_all() {
    Guard guard(lock_);
    for (Waiter& waiter : waiters_) waiter.on_wake();
}

}  // namespace husk::thread
