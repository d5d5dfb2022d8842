// SPDX-License-Identifier: Apache-2.0
// One system call as strace prints it, in two halves: a call that waits shows the first before there is the second.
#pragma once

#include <string>

#include "launcher/trace/record_stream.hpp"

namespace husk::trace {

// "read(3, ": the name, and the arguments up to the first that only the end of the call fills.
[[nodiscard]] std::string beginning_text(const Record& entry);

// ""abc", 4) = 3": the rest. Null: the call never ended.
[[nodiscard]] std::string ending_text(const Record& entry, const Record* exit);

// "read"
[[nodiscard]] std::string call_name(std::uint16_t number);

// "--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_TKILL, si_pid=1} ---"
[[nodiscard]] std::string signal_line_text(const Record& record);

}  // namespace husk::trace
