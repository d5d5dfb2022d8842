// SPDX-License-Identifier: Apache-2.0
// Mutexes whose word holds the owner's id and which are handed over to who waits: FUTEX_LOCK_PI and its kin. All
// threads have one priority here, so that there is none to inherit.
#pragma once

#include <cstdint>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::thread::pi_futex {

// Of a word, as Linux and the C library agree [futex(2)].
inline constexpr std::uint32_t waiters_flag = 0x8000'0000, owner_died = 0x4000'0000, tid_mask = 0x3fff'ffff;

// Takes the mutex, or waits until it is handed over. EDEADLK when the owner waits for this thread, or is it; ESRCH when
// the owner is no thread; ETIMEDOUT, ERESTARTNOINTR, EFAULT.
Result<> lock(std::uint64_t word, Deadline deadline);
// The same without waiting: EAGAIN.
Result<> try_lock(std::uint64_t word);
// Gives it to who has waited longest. EPERM when this thread does not own it, EFAULT.
Result<> unlock(std::uint64_t word);
// What an ended thread owned and others wait for goes to them, marked with owner_died. The thread is in no list any
// more.
void hand_over_all_of(std::uint32_t tid);

}  // namespace husk::thread::pi_futex
