// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/futex.hpp"

#include <array>
#include <cstddef>
#include <new>
#include <utility>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/thread/park.hpp"

namespace husk::thread::futex {

namespace {

// All memory is one address space, so the virtual address is the key for private and shared futexes alike.
struct Waiter : ListNode<> {
    Thread& thread;
    std::uint64_t word;
    std::uint32_t bits;
    std::atomic<bool> is_woken = false;
};

struct Bucket {
    Spinlock lock;
    List<Waiter> waiters;
};

// Made by initialise(): empty lists point to themselves, and would be initialised data of every image.
constexpr unsigned bucket_count = 256;
alignas(Bucket) constinit std::array<std::byte, sizeof(Bucket) * bucket_count> bucket_room{};

Bucket& bucket_of(std::uint64_t word) {
    std::uint64_t hash = (word >> 2) * 0x9e37'79b9'7f4a'7c15;
    // SAFETY: initialise() has put a Bucket there, and hash >> 56 is less than their number.
    return *std::launder(reinterpret_cast<Bucket*>(bucket_room.data()) + (hash >> 56));
}

// With the bucket's lock held. The waiter may be gone as soon as is_woken is set; the thread is kept by its lock.
void wake_waiter(Waiter& waiter) {
    Thread& thread = waiter.thread;
    waiter.unlink();
    unpark(thread, waiter.is_woken);
}

// Two buckets locked in address order.
class PairGuard {
public:
    PairGuard(Bucket& a, Bucket& b) : first_(&a < &b ? a : b), second_(&a < &b ? b : a) {
        first_.lock.lock();
        if (&first_ != &second_) second_.lock.lock();
    }
    ~PairGuard() {
        if (&first_ != &second_) second_.lock.unlock();
        first_.lock.unlock();
    }
    PairGuard(const PairGuard&) = delete;
    PairGuard& operator=(const PairGuard&) = delete;

private:
    Bucket& first_;
    Bucket& second_;
};

// Takes the waiter out of whatever bucket it is in by now. False when a wake was faster.
bool withdraw(Waiter& waiter) {
    for (;;) {
        std::uint64_t word = std::atomic_ref(waiter.word).load(std::memory_order_acquire);
        Guard guard(bucket_of(word).lock);
        if (waiter.is_woken.load(std::memory_order_acquire)) return false;
        if (std::atomic_ref(waiter.word).load(std::memory_order_relaxed) != word) continue;  // requeued meanwhile
        waiter.unlink();
        return true;
    }
}

}  // namespace

void initialise() {
    for (unsigned i = 0; i < bucket_count; ++i) new (bucket_room.data() + i * sizeof(Bucket)) Bucket;
}

Result<> wait(std::uint64_t word, std::uint32_t expected, Deadline deadline, std::uint32_t bits) {
    Waiter waiter{{}, current(), word, bits};
    for (;;) {
        // The word is compared with the bucket locked: a waker changes it before it locks, so either the change is seen
        // here or the waiter is seen there. The first load faults the page in, since under the lock nothing may; it can
        // be taken away again in between.
        if (HUSK_TRY(UserPtr<std::uint32_t>(word).load()) != expected) return Errno::eagain;
        Guard guard(bucket_of(word).lock);
        std::optional<std::uint32_t> value = try_load32(word);
        if (!value) continue;
        if (*value != expected) return Errno::eagain;
        bucket_of(word).waiters.push_back(waiter);
        break;
    }
    for (;;) {
        prepare_to_park();
        if (waiter.is_woken.load(std::memory_order_acquire)) {
            cancel_park();
            return {};
        }
        Wakeup why = park(deadline);
        if (waiter.is_woken.load(std::memory_order_acquire)) return {};
        if (why == Wakeup::event) continue;
        if (!withdraw(waiter)) return {};
        return why == Wakeup::timeout ? Errno::etimedout : Errno::erestart;
    }
}

std::uint32_t wake(std::uint64_t word, std::uint32_t most, std::uint32_t bits) {
    Bucket& bucket = bucket_of(word);
    Guard guard(bucket.lock);
    std::uint32_t woken = 0;
    for (Waiter& waiter : bucket.waiters) {
        if (woken == most) break;
        if (waiter.word != word || (waiter.bits & bits) == 0) continue;
        wake_waiter(waiter);
        ++woken;
    }
    return woken;
}

Result<std::uint32_t> requeue(std::uint64_t word, std::uint64_t target, std::uint32_t most_woken,
                              std::uint32_t most_moved, const std::uint32_t* expected) {
    Bucket& from = bucket_of(word);
    Bucket& to = bucket_of(target);
    HUSK_TRY(UserPtr<std::uint32_t>(word).load());
    PairGuard guard(from, to);
    if (expected != nullptr) {
        std::optional<std::uint32_t> value = try_load32(word);
        // Taken away since: as if it had happened before.
        if (!value) return Errno::eagain;
        if (*value != *expected) return Errno::eagain;
    }
    std::uint32_t woken = 0, moved = 0;
    for (Waiter& waiter : from.waiters) {
        if (waiter.word != word) continue;
        if (woken < most_woken) {
            wake_waiter(waiter);
            ++woken;
        } else if (moved < most_moved) {
            if (word == target) break;
            waiter.unlink();
            std::atomic_ref(waiter.word).store(target, std::memory_order_release);
            to.waiters.push_back(waiter);
            ++moved;
        } else {
            break;
        }
    }
    return woken + moved;
}

}  // namespace husk::thread::futex
