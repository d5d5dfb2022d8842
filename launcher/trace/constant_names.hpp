// SPDX-License-Identifier: Apache-2.0
// Linux's names for the numbers that system calls take.
#pragma once

#include <cstdint>
#include <string>

#include <husk/abi/call_argument.hpp>

namespace husk::trace {

// "O_RDONLY|O_CLOEXEC": the value of an argument of a kind that has names; "0x40" where it has none for the value.
[[nodiscard]] std::string constant_text(abi::Argument kind, std::uint64_t value);

// Options of setsockopt(2) at this level.
[[nodiscard]] std::string socket_option_text(std::uint64_t level, std::uint64_t option);

[[nodiscard]] std::string file_type_text(std::uint32_t mode);      // "S_IFREG|0644"
[[nodiscard]] std::string poll_events_text(std::uint32_t events);  // "POLLIN|POLLHUP"
[[nodiscard]] std::string epoll_events_text(std::uint32_t events);
[[nodiscard]] std::string action_flags_text(std::uint64_t flags);  // of struct sigaction
[[nodiscard]] std::string signal_text(std::uint64_t number);       // "SIGUSR1"
[[nodiscard]] std::string signal_set_text(std::uint64_t set);      // "[INT USR1]"
[[nodiscard]] std::string hex_text(std::uint64_t value);           // "0x1f"

// The operation of futex(2) without its flags.
inline constexpr std::uint64_t futex_operation_mask = 0x7f;

}  // namespace husk::trace
