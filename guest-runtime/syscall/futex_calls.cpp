// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/futex_calls.hpp"

#include <optional>

#include "guest-runtime/syscall/time_types.hpp"
#include "guest-runtime/thread/futex.hpp"
#include "guest-runtime/thread/kept_deadline.hpp"
#include "guest-runtime/thread/pi_futex.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::sys {

namespace {

enum Operation : int {
    futex_wait = 0,
    futex_wake = 1,
    futex_requeue = 3,
    futex_cmp_requeue = 4,
    futex_wake_op = 5,
    futex_lock_pi = 6,
    futex_unlock_pi = 7,
    futex_trylock_pi = 8,
    futex_wait_bitset = 9,
    futex_wake_bitset = 10,
    futex_lock_pi2 = 13,
};
constexpr int private_flag = 128, realtime_flag = 256;
using thread::pi_futex::owner_died;
using thread::pi_futex::tid_mask;
using thread::pi_futex::waiters_flag;

constexpr std::int32_t sign_extend_12(std::uint32_t value) { return static_cast<std::int32_t>(value << 20) >> 20; }

// What FUTEX_WAKE_OP makes of a word.
std::optional<std::uint32_t> changed(std::uint32_t operation, std::uint32_t old, std::uint32_t operand) {
    switch (operation) {
        case 0:
            return operand;
        case 1:
            return old + operand;
        case 2:
            return old | operand;
        case 3:
            return old & ~operand;
        case 4:
            return old ^ operand;
        default:
            return std::nullopt;
    }
}

// Whether its condition holds.
std::optional<bool> compares(std::uint32_t comparison, std::int32_t value, std::int32_t with) {
    switch (comparison) {
        case 0:
            return value == with;
        case 1:
            return value != with;
        case 2:
            return value < with;
        case 3:
            return value <= with;
        case 4:
            return value > with;
        case 5:
            return value >= with;
        default:
            return std::nullopt;
    }
}

// In one step for all vCPUs; the word's old value.
template <class Change>
Result<std::uint32_t> change_word(std::uint64_t word, Change change) {
    for (;;) {
        HUSK_TRY(make_writable32(word));
        std::optional<std::uint32_t> old = try_load32(word);
        if (!old) continue;
        if (try_exchange32(word, *old, HUSK_TRY(change(*old))) == old) return *old;
    }
}

// FUTEX_WAKE_OP [futex(2)]: changes the second word, wakes on the first, and on the second if its old value fits.
SysResult wake_op(const Call& call) {
    auto encoded = static_cast<std::uint32_t>(call[5]);
    std::int32_t argument = sign_extend_12(encoded >> 12 & 0xfff), compared = sign_extend_12(encoded & 0xfff);
    if ((encoded >> 31) != 0) argument = static_cast<std::int32_t>(1u << (argument & 31));
    std::uint32_t old = HUSK_TRY(change_word(call[4], [&](std::uint32_t value) -> Result<std::uint32_t> {
        auto desired = changed(encoded >> 28 & 7, value, static_cast<std::uint32_t>(argument));
        if (!desired) return Errno::enosys;
        return *desired;
    }));
    std::optional<bool> fits = compares(encoded >> 24 & 0xf, static_cast<std::int32_t>(old), compared);
    if (!fits) return Errno::enosys;
    std::uint32_t woken = thread::futex::wake(call[0], static_cast<std::uint32_t>(call[2]));
    if (*fits) woken += thread::futex::wake(call[4], static_cast<std::uint32_t>(call[3]));
    return woken;
}

// Relative with FUTEX_WAIT only; FUTEX_LOCK_PI always means CLOCK_REALTIME.
Result<thread::Deadline> wait_deadline(const Call& call, int operation) {
    UserPtr<TimeSpec> timeout(call[3]);
    if (operation == futex_wait || !timeout) return deadline_after(timeout);
    TimeSpec when = HUSK_TRY(timeout.load());
    if (!when.is_valid()) return Errno::einval;
    bool is_realtime = operation == futex_lock_pi || (call.integer(1) & realtime_flag) != 0;
    return deadline_at(is_realtime ? clock_realtime : clock_monotonic, when);
}

// Marks one robust futex if the exiting thread owns it.
void orphan(std::uint64_t word, std::uint32_t tid) {
    if (word % 4 != 0) return;
    auto marked = change_word(word, [&](std::uint32_t value) -> Result<std::uint32_t> {
        if ((value & tid_mask) != tid) return Errno::esrch;
        return (value & waiters_flag) | owner_died;
    });
    if (marked.ok() && (marked.value() & waiters_flag) != 0) thread::futex::wake(word, 1);
}

}  // namespace

SysResult sys_futex(const Call& call) {
    std::uint64_t word = call[0];
    int operation = call.integer(1) & ~(private_flag | realtime_flag);
    auto value = static_cast<std::uint32_t>(call[2]);
    bool may_be_realtime = operation == futex_wait || operation == futex_wait_bitset || operation == futex_lock_pi2;
    if ((call.integer(1) & realtime_flag) != 0 && !may_be_realtime) return Errno::enosys;
    if (word % 4 != 0) return Errno::einval;
    switch (operation) {
        case futex_wait:
        case futex_wait_bitset: {
            std::uint32_t bits =
                operation == futex_wait ? thread::futex::match_any : static_cast<std::uint32_t>(call[5]);
            if (bits == 0) return Errno::einval;
            thread::Deadline deadline = thread::kept_or(HUSK_TRY(wait_deadline(call, operation)));
            Result<> waited = thread::futex::wait(word, value, deadline, bits);
            // With a time a handler ends the wait, whatever SA_RESTART says [signal(7)].
            if (!waited.ok() && waited.error() == Errno::erestart && call[3] != 0) return thread::keep(deadline);
            return waited;
        }
        case futex_wake:
            return thread::futex::wake(word, value);
        case futex_wake_bitset: {
            auto bits = static_cast<std::uint32_t>(call[5]);
            if (bits == 0) return Errno::einval;
            return thread::futex::wake(word, value, bits);
        }
        case futex_requeue:
        case futex_cmp_requeue: {
            if (call[4] % 4 != 0 || static_cast<std::int32_t>(value) < 0 || call.integer(3) < 0) return Errno::einval;
            auto expected = static_cast<std::uint32_t>(call[5]);
            return thread::futex::requeue(word, call[4], value, static_cast<std::uint32_t>(call[3]),
                                          operation == futex_cmp_requeue ? &expected : nullptr);
        }
        case futex_wake_op:
            if (call[4] % 4 != 0) return Errno::einval;
            return wake_op(call);
        case futex_lock_pi:
        case futex_lock_pi2: {
            thread::Deadline deadline = HUSK_TRY(wait_deadline(call, operation));
            return thread::pi_futex::lock(word, deadline);
        }
        case futex_trylock_pi:
            return thread::pi_futex::try_lock(word);
        case futex_unlock_pi:
            return thread::pi_futex::unlock(word);
        default:
            return Errno::enosys;
    }
}

SysResult sys_set_robust_list(const Call& call) {
    constexpr std::uint64_t list_head_bytes = 24;
    if (call[1] != list_head_bytes) return Errno::einval;
    thread::current().robust_list = call[0];
    return 0;
}

SysResult sys_get_robust_list(const Call& call) {
    Guard guard(thread::all_threads().lock);
    auto tid = static_cast<std::uint32_t>(call[0]);
    thread::Thread* target = tid == 0 ? &thread::current() : thread::all_threads().find(tid);
    if (target == nullptr) return Errno::esrch;
    std::uint64_t list = target->robust_list;
    guard.unlock();
    HUSK_TRY(call.pointer<std::uint64_t>(1).store(list));
    return call.pointer<std::uint64_t>(2).store(24);
}

void release_robust_futexes() {
    struct Head {
        std::uint64_t first;
        std::int64_t futex_offset;
        std::uint64_t pending;
    };
    constexpr unsigned longest_list = 2048;  // as Linux: the list is the application's and may be circular
    thread::Thread& self = thread::current();
    if (self.robust_list == 0) return;
    auto head = UserPtr<Head>(self.robust_list).load();
    if (!head.ok()) return;
    auto word_of = [&](std::uint64_t entry) {
        return (entry & ~1ull) + static_cast<std::uint64_t>(head.value().futex_offset);
    };
    std::uint64_t entry = head.value().first;
    for (unsigned i = 0; i < longest_list && entry != self.robust_list; ++i) {
        auto next = UserPtr<std::uint64_t>(entry & ~1ull).load();
        if (entry != head.value().pending) orphan(word_of(entry), self.tid);
        if (!next.ok()) return;
        entry = next.value();
    }
    if (head.value().pending != 0) orphan(word_of(head.value().pending), self.tid);
}

}  // namespace husk::sys
