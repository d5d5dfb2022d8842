// SPDX-License-Identifier: Apache-2.0
// The dispatch table of system calls by number.
#pragma once

#include <array>
#include <cstdint>

#include "guest-runtime/arch/entry_offsets.h"
#include "guest-runtime/syscall/call.hpp"

// Read by entry.S. Constant but for start_trace().
extern "C" const std::array<husk::sys::Handler, SYSCALL_COUNT> husk_syscall_table;

namespace husk::sys {

// "unknown" where Linux has none.
const char* call_name(std::uint64_t number);

}  // namespace husk::sys
