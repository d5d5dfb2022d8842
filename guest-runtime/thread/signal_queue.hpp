// SPDX-License-Identifier: Apache-2.0
// Pending signals as signalfd reads them: taken from the queue instead of being delivered.
#pragma once

#include <cstdint>

#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::thread {

// What a signalfd_siginfo tells about a signal.
struct SignalInfo {
    std::uint32_t number = 0;
    std::int32_t error = 0;
    std::int32_t code = 0;
    std::uint32_t sender_pid = 0;
    std::uint32_t sender_uid = 0;
    std::uint32_t timer_id = 0;
    std::uint32_t overrun = 0;
    std::int32_t integer = 0;   // si_int
    std::uint64_t pointer = 0;  // si_ptr
    std::uint64_t address = 0;  // si_addr
};

// Bit (n - 1) of a mask is signal n. Takes the first pending signal of the calling thread or the process that is in
// `mask`; false when there is none. Does not sleep.
bool take_signal(std::uint64_t mask, SignalInfo& info);
[[nodiscard]] std::uint64_t pending_signals();
// Woken whenever a signal becomes pending.
WaitQueue& signal_arrival_queue();

}  // namespace husk::thread
