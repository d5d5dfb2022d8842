// SPDX-License-Identifier: Apache-2.0
// Sleeping on a word until another thread, or a signal handler, changes it.
#pragma once

#include <atomic>
#include <cstdint>

namespace husk::host {

inline constexpr std::uint64_t no_deadline_ns = UINT64_MAX;

enum class FutexResult { woken, timed_out };  // woken: also by a signal, or because the word had changed already

// Sleeps while *word == expected, until deadline_ns of CLOCK_MONOTONIC.
FutexResult futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::uint64_t deadline_ns);

// Wakes as many sleepers. Async-signal-safe.
void futex_wake(const std::atomic<std::uint32_t>& word, std::uint32_t sleepers = 1);

}  // namespace husk::host
