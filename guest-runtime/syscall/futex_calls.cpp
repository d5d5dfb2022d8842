// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/futex_calls.hpp"

#include "guest-runtime/syscall/time_types.hpp"
#include "guest-runtime/thread/futex.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::sys {

namespace {

enum Operation : int {
    futex_wait = 0,
    futex_wake = 1,
    futex_requeue = 3,
    futex_cmp_requeue = 4,
    futex_wake_op = 5,
    futex_wait_bitset = 9,
    futex_wake_bitset = 10,
};
constexpr int private_flag = 128, realtime_flag = 256;
constexpr std::uint32_t owner_died = 0x4000'0000, tid_mask = 0x3fff'ffff, waiters_flag = 0x8000'0000;

constexpr std::int32_t sign_extend_12(std::uint32_t value) { return static_cast<std::int32_t>(value << 20) >> 20; }

// FUTEX_WAKE_OP [futex(2)]: changes *second atomically, wakes on the first word, and on the second if its old value
// fits.
SysResult wake_op(const Call& call) {
    auto encoded = static_cast<std::uint32_t>(call[5]);
    std::uint32_t operation = encoded >> 28 & 7, comparison = encoded >> 24 & 0xf;
    std::int32_t argument = sign_extend_12(encoded >> 12 & 0xfff), compared = sign_extend_12(encoded & 0xfff);
    if ((encoded >> 31) != 0) argument = static_cast<std::int32_t>(1u << (argument & 31));
    UserPtr<std::uint32_t> second(call[4]);
    std::uint32_t old = HUSK_TRY(second.load());
    HUSK_TRY(second.store(old));  // the page is writable and stays attached, so the loop below cannot fault
    // SAFETY: the store above checked range and access; the word is 4-byte aligned (checked by sys_futex).
    std::atomic_ref word(*reinterpret_cast<std::uint32_t*>(second.address()));
    auto operand = static_cast<std::uint32_t>(argument);
    switch (operation) {
        case 0:
            old = word.exchange(operand);
            break;
        case 1:
            old = word.fetch_add(operand);
            break;
        case 2:
            old = word.fetch_or(operand);
            break;
        case 3:
            old = word.fetch_and(~operand);
            break;
        case 4:
            old = word.fetch_xor(operand);
            break;
        default:
            return Errno::enosys;
    }
    auto value = static_cast<std::int32_t>(old);
    bool fits;
    switch (comparison) {
        case 0:
            fits = value == compared;
            break;
        case 1:
            fits = value != compared;
            break;
        case 2:
            fits = value < compared;
            break;
        case 3:
            fits = value <= compared;
            break;
        case 4:
            fits = value > compared;
            break;
        case 5:
            fits = value >= compared;
            break;
        default:
            return Errno::enosys;
    }
    std::uint32_t woken = thread::futex::wake(call[0], static_cast<std::uint32_t>(call[2]));
    if (fits) woken += thread::futex::wake(call[4], static_cast<std::uint32_t>(call[3]));
    return woken;
}

Result<thread::Deadline> wait_deadline(const Call& call, int operation) {
    UserPtr<TimeSpec> timeout(call[3]);
    if (operation == futex_wait || !timeout) return deadline_after(timeout);
    TimeSpec when = HUSK_TRY(timeout.load());
    if (!when.is_valid()) return Errno::einval;
    return deadline_at((call.integer(1) & realtime_flag) != 0 ? clock_realtime : clock_monotonic, when);
}

// Marks one robust futex if the exiting thread owns it.
void orphan(std::uint64_t word, std::uint32_t tid) {
    UserPtr<std::uint32_t> pointer(word);
    auto value = pointer.load();
    if (word % 4 != 0 || !value.ok() || (value.value() & tid_mask) != tid) return;
    if (!pointer.store((value.value() & waiters_flag) | owner_died).ok()) return;
    if ((value.value() & waiters_flag) != 0) thread::futex::wake(word, 1);
}

}  // namespace

SysResult sys_futex(const Call& call) {
    std::uint64_t word = call[0];
    int operation = call.integer(1) & ~(private_flag | realtime_flag);
    auto value = static_cast<std::uint32_t>(call[2]);
    bool may_be_realtime = operation == futex_wait || operation == futex_wait_bitset;
    if ((call.integer(1) & realtime_flag) != 0 && !may_be_realtime) return Errno::enosys;
    if (word % 4 != 0) return Errno::einval;
    switch (operation) {
        case futex_wait:
        case futex_wait_bitset: {
            std::uint32_t bits =
                operation == futex_wait ? thread::futex::match_any : static_cast<std::uint32_t>(call[5]);
            if (bits == 0) return Errno::einval;
            thread::Deadline deadline = HUSK_TRY(wait_deadline(call, operation));
            Result<> waited = thread::futex::wait(word, value, deadline, bits);
            // With a time a handler ends the wait, whatever SA_RESTART says [signal(7)].
            bool ends = !waited.ok() && waited.error() == Errno::erestart && call[3] != 0;
            return ends ? SysResult(Errno::eintr) : SysResult(waited);
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
        default:
            return Errno::enosys;  // priority inheritance
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
