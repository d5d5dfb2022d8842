// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace husk::host {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

FutexResult futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, std::uint64_t deadline_ns) {
    constexpr std::uint64_t second_ns = 1'000'000'000;
    timespec deadline{static_cast<time_t>(deadline_ns / second_ns), static_cast<long>(deadline_ns % second_ns)};
    const bool forever = deadline_ns == no_deadline_ns;
    // The bitset form takes an absolute time, so that an early return does not stretch the whole wait.
    const long result = ::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected, forever ? nullptr : &deadline,
                                  nullptr, FUTEX_BITSET_MATCH_ANY);
    return result != 0 && errno == ETIMEDOUT ? FutexResult::timed_out : FutexResult::woken;
}

void futex_wake(const std::atomic<std::uint32_t>& word, std::uint32_t sleepers) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, sleepers, nullptr, nullptr, 0);
}

}  // namespace husk::host
