// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/timer_queue.hpp"

#include <array>
#include <utility>

#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/thread/scheduler.hpp"

namespace husk::thread {

namespace {

constinit std::array<TimerQueue, arch::max_vcpus> queues{};

}  // namespace

TimerQueue& timer_queue() { return queues[vcpu_index()]; }

void Timer::arm(Deadline deadline) { timer_queue().arm(*this, deadline); }
void Timer::disarm() { TimerQueue::disarm(*this); }

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
    next_.store(next + 1, std::memory_order_relaxed);
    // Of another vCPU's queue only something went: that one is interrupted in vain, and announces again.
    if (this == &timer_queue()) announce_timer({next});
}

TimerQueue* TimerQueue::lock_queue_of(const Timer& timer) {
    for (;;) {
        TimerQueue* queue = timer.queue_.load(std::memory_order_acquire);
        if (queue == nullptr) return nullptr;
        queue->lock_.lock();
        if (timer.queue_.load(std::memory_order_relaxed) == queue) return queue;
        queue->lock_.unlock();
    }
}

void TimerQueue::arm(Timer& timer, Deadline deadline) {
    TimerQueue* none = nullptr;
    timer.queue_.compare_exchange_strong(none, this, std::memory_order_acq_rel);
    TimerQueue* queue = nullptr;
    for (;;) {
        queue = lock_queue_of(timer);
        if (timer.armed_) {
            queue->remove(timer);
            timer.armed_ = false;
            if (queue != this) queue->publish();
        }
        // A timer whose callback runs stays where that can be seen; its vCPU looks at the queue again afterwards.
        if (queue == this || queue->running_.load(std::memory_order_acquire) == &timer) break;
        timer.queue_.store(this, std::memory_order_release);
        queue->lock_.unlock();
    }
    timer.deadline_ = deadline;
    timer.armed_ = !deadline.is_never();
    if (timer.armed_) queue->insert(timer);
    queue->publish();
    queue->lock_.unlock();
}

void TimerQueue::disarm(Timer& timer) {
    for (;;) {
        TimerQueue* queue = lock_queue_of(timer);
        if (queue == nullptr) return;
        if (timer.armed_) {
            queue->remove(timer);
            timer.armed_ = false;
            queue->publish();
        }
        auto runs_elsewhere = [&] {
            return queue != &timer_queue() && queue->running_.load(std::memory_order_acquire) == &timer;
        };
        const bool has_to_wait = runs_elsewhere();
        queue->lock_.unlock();
        if (!has_to_wait) return;
        while (runs_elsewhere()) spin_once();
        // The callback may have armed it again.
    }
}

void TimerQueue::expire() {
    if (next().has_passed()) return run_due();
    // What this vCPU was interrupted for is over now: another one may have taken it out, or it is not quite due.
    announce_timer(next());
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
