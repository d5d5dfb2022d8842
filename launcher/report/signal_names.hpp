// SPDX-License-Identifier: Apache-2.0
// Linux signals and the codes of synchronous ones, in words.
#pragma once

#include <cstdint>
#include <string>

namespace husk::report {

// "SIGSEGV", or "signal 40".
[[nodiscard]] std::string signal_name(std::uint32_t signal);

// "address not mapped" for SIGSEGV with SEGV_MAPERR; empty when the code says nothing.
[[nodiscard]] std::string describe_code(std::uint32_t signal, std::int32_t code);

// True when si_addr is an address that the signal is about.
[[nodiscard]] bool has_address(std::uint32_t signal, std::int32_t code);

}  // namespace husk::report
