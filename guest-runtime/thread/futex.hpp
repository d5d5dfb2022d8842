// SPDX-License-Identifier: Apache-2.0
// Threads that sleep on a word of the application's memory.
#pragma once

#include <cstdint>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::thread::futex {

inline constexpr std::uint32_t match_any = ~0u;

// Before any other.
void initialise();

// Sleeps while *word == expected. EAGAIN when it is not, ETIMEDOUT, ERESTART, EFAULT.
Result<> wait(std::uint64_t word, std::uint32_t expected, Deadline deadline, std::uint32_t bits = match_any);
// Wakes up to `most` waiters whose bits meet `bits`; returns how many.
std::uint32_t wake(std::uint64_t word, std::uint32_t most, std::uint32_t bits = match_any);
// Wakes up to `most_woken` and moves up to `most_moved` others to wait on `target`. With `expected`: EAGAIN unless
// *word is that. Returns both numbers added.
Result<std::uint32_t> requeue(std::uint64_t word, std::uint64_t target, std::uint32_t most_woken,
                              std::uint32_t most_moved, const std::uint32_t* expected);

}  // namespace husk::thread::futex
