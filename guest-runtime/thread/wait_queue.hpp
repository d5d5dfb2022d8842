// SPDX-License-Identifier: Apache-2.0
// Those who wait for one condition: sleeping threads, and watchers such as poll and epoll.
#pragma once

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/thread/park.hpp"

namespace husk::thread {

// One entry of a queue. on_wake runs with the queue's lock held: it may unpark threads and take inner locks, not sleep.
class Waiter : public ListNode<> {
public:
    // exclusive: wake_one() stops after it (a thread that will consume the event); watchers are not exclusive.
    explicit Waiter(bool exclusive) : exclusive_(exclusive) {}
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    // Asked of exclusive ones: whether somebody comes for the event now, so that nobody else has to.
    virtual bool on_wake() = 0;
    [[nodiscard]] bool is_exclusive() const { return exclusive_; }

protected:
    ~Waiter() = default;

private:
    bool exclusive_;
};

class WaitQueue {
public:
    void add(Waiter& waiter);
    void remove(Waiter& waiter);  // also when it is not in the queue
    // Wakes every watcher and the first exclusive waiter that comes, who goes to the end of the queue. Whether one
    // comes.
    bool wake_one();
    void wake_all();

private:
    Spinlock lock_;
    List<Waiter> waiters_;
};

// A queue entry that unparks the thread which made it.
class Sleeper final : public Waiter {
public:
    explicit Sleeper(bool exclusive = true) : Waiter(exclusive), thread_(current()) {}
    bool on_wake() override {
        unpark(thread_);
        return true;
    }

private:
    Thread& thread_;
};

// In a queue for a scope, woken with all others.
class [[nodiscard]] QueuedSleeper {
public:
    explicit QueuedSleeper(WaitQueue& queue) : queue_(queue) { queue_.add(sleeper_); }
    ~QueuedSleeper() { queue_.remove(sleeper_); }
    QueuedSleeper(const QueuedSleeper&) = delete;
    QueuedSleeper& operator=(const QueuedSleeper&) = delete;

private:
    WaitQueue& queue_;
    Sleeper sleeper_{false};
};

// Whom wake_one() reaches: of those who each consume an event the first, of those who share what there is all.
enum class Turn : bool { shared, exclusive };

// Sleeps on `queue` until ready() is true. ERESTART when a signal came first, ETIMEDOUT at the deadline. ready() is
// asked with no lock held.
template <class Ready>
Result<> wait_until(WaitQueue& queue, Deadline deadline, Ready ready, Turn turn = Turn::exclusive) {
    if (ready()) return {};
    Sleeper sleeper(turn == Turn::exclusive);
    queue.add(sleeper);
    for (;;) {
        prepare_to_park();
        if (ready()) {
            cancel_park();
            queue.remove(sleeper);
            return {};
        }
        Wakeup why = park(deadline);
        if (why == Wakeup::event) continue;
        bool is_ready = ready();
        queue.remove(sleeper);
        if (is_ready) return {};
        // A wake_one() that hit this thread on its way out must not be lost for the next one.
        queue.wake_one();
        return why == Wakeup::timeout ? Errno::etimedout : Errno::erestart;
    }
}

// The same for what no signal ends and what is sure to come.
template <class Ready>
void wait_uninterruptibly(WaitQueue& queue, Ready ready) {
    if (ready()) return;
    QueuedSleeper sleeper(queue);
    for (;;) {
        prepare_to_park();
        if (ready()) break;
        (void)park_uninterruptible(Deadline::never());
    }
    cancel_park();
}

}  // namespace husk::thread
