// SPDX-License-Identifier: Apache-2.0
// --trace as it is written.
#pragma once

#include <string>
#include <string_view>

#include "launcher/config/debug_config.hpp"

namespace husk::config {

inline constexpr std::string_view trace_form =
    "syscalls, or syscalls: and names of system calls with commas between them";

// Returns what is wrong with the text, or nothing.
[[nodiscard]] std::string parse_trace(std::string_view text, TraceConfig& trace);

}  // namespace husk::config
