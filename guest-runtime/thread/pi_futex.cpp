// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/pi_futex.hpp"

#include <optional>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/thread/park.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread::pi_futex {

namespace {

struct Waiter : ListNode<> {
    Thread& thread;
    std::uint64_t word;
    std::uint32_t owner = 0;  // whom it waits for
    std::atomic<bool> has_it = false;
};

// One list for all: such mutexes are few, and fewer are waited for. Order of locks: this, all_threads().lock.
constinit Spinlock lock_of_all;
constinit List<Waiter> waiters;

// All below with the lock held.

Waiter* first_of(std::uint64_t word) {
    for (Waiter& waiter : waiters) {
        if (waiter.word == word) return &waiter;
    }
    return nullptr;
}

bool is_alive(std::uint32_t tid) {
    Guard guard(all_threads().lock);
    return all_threads().find(tid) != nullptr;
}

// Whether `tid` waits, through whatever mutexes, for what `self` owns. No thread waits for two, and there is no circle
// yet.
bool waits_for(std::uint32_t tid, std::uint32_t self) {
    while (tid != self) {
        Waiter* next = nullptr;
        for (Waiter& waiter : waiters) {
            if (waiter.thread.tid == tid) next = &waiter;
        }
        if (next == nullptr) return false;
        tid = next->owner;
    }
    return true;
}

enum class Outcome {
    taken,
    must_wait,
    page_missing,  // it has to be made writable without the lock
};

// Takes the mutex, or notes in the word that there are waiters and says whom to wait for.
Result<Outcome> take(std::uint64_t word, std::uint32_t self, std::uint32_t& owner) {
    for (;;) {
        std::optional<std::uint32_t> value = try_load32(word);
        if (!value) return Outcome::page_missing;
        if ((*value & tid_mask) == self) return Errno::edeadlk;
        Waiter* other = first_of(word);
        bool is_free = (*value & tid_mask) == 0 && other == nullptr;
        std::uint32_t desired = is_free ? (*value & owner_died) | self : *value | waiters_flag;
        std::optional<std::uint32_t> seen = try_exchange32(word, *value, desired);
        if (!seen) return Outcome::page_missing;
        if (*seen != *value) continue;
        if (is_free) return Outcome::taken;
        // An owner that has died may still have to hand it over to those who came before.
        owner = other != nullptr ? other->owner : *value & tid_mask;
        if (other == nullptr && !is_alive(owner)) return Errno::esrch;
        if (waits_for(owner, self)) return Errno::edeadlk;
        return Outcome::must_wait;
    }
}

// Makes who has waited longest the owner, or nobody. False when the page is missing, or `expected` is not there any
// more.
bool hand_over(std::uint64_t word, std::uint32_t expected, std::uint32_t mark) {
    Waiter* next = first_of(word);
    std::uint32_t desired = next == nullptr ? 0 : next->thread.tid | waiters_flag | mark;
    if (try_exchange32(word, expected, desired) != expected) return false;
    if (next == nullptr) return true;
    next->unlink();
    for (Waiter& other : waiters) {
        if (other.word == word) other.owner = next->thread.tid;
    }
    unpark(next->thread, next->has_it);
    return true;
}

Result<> wait(Waiter& waiter, Deadline deadline) {
    for (;;) {
        prepare_to_park();
        if (waiter.has_it.load(std::memory_order_acquire)) {
            cancel_park();
            return {};
        }
        Wakeup why = park(deadline);
        if (waiter.has_it.load(std::memory_order_acquire)) return {};
        if (why == Wakeup::event) continue;
        Guard guard(lock_of_all);
        if (waiter.has_it.load(std::memory_order_acquire)) return {};
        waiter.unlink();
        // A mutex is waited for whatever a handler wants.
        return why == Wakeup::timeout ? Errno::etimedout : Errno::erestartnointr;
    }
}

}  // namespace

Result<> lock(std::uint64_t word, Deadline deadline) {
    Waiter waiter{{}, current(), word};
    for (;;) {
        HUSK_TRY(make_writable32(word));
        Guard guard(lock_of_all);
        Outcome outcome = HUSK_TRY(take(word, current().tid, waiter.owner));
        if (outcome == Outcome::taken) return {};
        if (outcome == Outcome::page_missing) continue;
        waiters.push_back(waiter);
        break;
    }
    return wait(waiter, deadline);
}

Result<> try_lock(std::uint64_t word) {
    for (;;) {
        HUSK_TRY(make_writable32(word));
        Guard guard(lock_of_all);
        std::uint32_t owner;
        Outcome outcome = HUSK_TRY(take(word, current().tid, owner));
        if (outcome == Outcome::taken) return {};
        if (outcome == Outcome::must_wait) return Errno::eagain;
    }
}

Result<> unlock(std::uint64_t word) {
    for (;;) {
        HUSK_TRY(make_writable32(word));
        Guard guard(lock_of_all);
        std::optional<std::uint32_t> value = try_load32(word);
        if (!value) continue;
        if ((*value & tid_mask) != current().tid) return Errno::eperm;
        if (hand_over(word, *value, 0)) return {};
    }
}

void hand_over_all_of(std::uint32_t tid) {
    for (;;) {
        std::uint64_t word = 0;
        {
            Guard guard(lock_of_all);
            for (Waiter& waiter : waiters) {
                if (waiter.owner == tid) word = waiter.word;
            }
            if (word == 0) return;
            std::optional<std::uint32_t> value = try_load32(word);
            if (value && hand_over(word, *value, owner_died)) continue;
        }
        if (make_writable32(word).ok()) continue;
        // The word is no memory any more: whoever waits for it would wait for ever.
        Guard guard(lock_of_all);
        if (Waiter* next = first_of(word); next != nullptr) {
            next->unlink();
            unpark(next->thread, next->has_it);
        }
    }
}

}  // namespace husk::thread::pi_futex
