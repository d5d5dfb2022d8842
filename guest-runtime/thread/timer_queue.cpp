// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/timer_queue.hpp"

#include <utility>

#include "guest-runtime/thread/scheduler.hpp"

namespace husk::thread {

namespace {

constinit TimerQueue queue;

}  // namespace

TimerQueue& timer_queue() { return queue; }

void Timer::arm(Deadline deadline) { queue.arm(*this, deadline); }
void Timer::disarm() { queue.disarm(*this); }

// Joins two heaps, either of which may be empty: the one with the later root becomes the other's first child.
Timer* TimerQueue::meld(Timer* a, Timer* b) {
    if (a == nullptr) return b;
    if (b == nullptr) return a;
    if (b->deadline_.ns < a->deadline_.ns) std::swap(a, b);
    b->previous_ = a;
    b->next_sibling_ = a->first_child_;
    if (a->first_child_ != nullptr) a->first_child_->previous_ = b;
    a->first_child_ = b;
    return a;
}

void TimerQueue::insert(Timer& timer) {
    timer.first_child_ = timer.next_sibling_ = timer.previous_ = nullptr;
    root_ = meld(root_, &timer);
}

void TimerQueue::remove(Timer& timer) {
    // Unhook the timer from its parent or sibling.
    if (&timer == root_) {
        root_ = nullptr;
    } else {
        if (timer.previous_->first_child_ == &timer) {
            timer.previous_->first_child_ = timer.next_sibling_;
        } else {
            timer.previous_->next_sibling_ = timer.next_sibling_;
        }
        if (timer.next_sibling_ != nullptr) timer.next_sibling_->previous_ = timer.previous_;
    }
    Timer* child = timer.first_child_;
    timer.first_child_ = timer.next_sibling_ = timer.previous_ = nullptr;
    // Its children come back in two passes, pairs from the left and then all together: that keeps the cost logarithmic.
    Timer* pairs = nullptr;
    while (child != nullptr) {
        Timer* a = child;
        Timer* b = a->next_sibling_;
        child = b != nullptr ? b->next_sibling_ : nullptr;
        a->next_sibling_ = a->previous_ = nullptr;
        if (b != nullptr) b->next_sibling_ = b->previous_ = nullptr;
        Timer* joined = meld(a, b);
        joined->next_sibling_ = pairs;
        pairs = joined;
    }
    while (pairs != nullptr) {
        Timer* heap = std::exchange(pairs, pairs->next_sibling_);
        heap->next_sibling_ = nullptr;
        root_ = meld(root_, heap);
    }
}

void TimerQueue::publish() {
    std::uint64_t next = root_ != nullptr ? root_->deadline_.ns : UINT64_MAX;
    next_ns_.store(next, std::memory_order_relaxed);
    announce_timer({next});
}

void TimerQueue::arm(Timer& timer, Deadline deadline) {
    Guard guard(lock_);
    if (timer.armed_) remove(timer);
    timer.deadline_ = deadline;
    timer.armed_ = !deadline.is_never();
    if (timer.armed_) insert(timer);
    publish();
}

void TimerQueue::disarm(Timer& timer) {
    {
        Guard guard(lock_);
        if (timer.armed_) {
            remove(timer);
            timer.armed_ = false;
            publish();
        }
    }
    // On another vCPU the callback may be under way.
    while (running_.load(std::memory_order_acquire) == &timer && running_vcpu_ != vcpu_index()) spin_once();
}

void TimerQueue::expire() {
    if (!next().has_passed()) {
        // What this vCPU was to be interrupted for, another one may have served.
        if (vcpu_count() != 1) announce_timer(next());
        return;
    }
    // Who finds another vCPU at it leaves it to that one: it looks until nothing is due, and is told when something is.
    if (!expiry_lock_.try_lock()) return announce_timer(next());
    run_due();
    expiry_lock_.unlock();
}

void TimerQueue::run_due() {
    std::uint64_t now = monotonic_ns();
    for (;;) {
        Timer* due = nullptr;
        {
            Guard guard(lock_);
            if (root_ != nullptr && root_->deadline_.ns <= now) {
                due = root_;
                remove(*due);
                due->armed_ = false;
                running_vcpu_ = vcpu_index();
                running_.store(due, std::memory_order_relaxed);
            }
            publish();
        }
        if (due == nullptr) return;
        due->on_expiry();
        // Pairs with the acquire in disarm(): the callback's work is done before its owner goes on.
        running_.store(nullptr, std::memory_order_release);
    }
}

}  // namespace husk::thread
