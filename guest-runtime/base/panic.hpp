// SPDX-License-Identifier: Apache-2.0
// The end of the VM when the runtime itself is wrong.
#pragma once

#include <string_view>

#include "guest-runtime/base/code_place.hpp"

namespace husk {

// Tells the launcher what and where, and never returns.
[[noreturn]] void panic(std::string_view what, CodePlace where = CodePlace::current());

// A condition that only a bug of the runtime can break.
inline void check(bool condition, std::string_view what, CodePlace where = CodePlace::current()) {
    if (!condition) panic(what, where);
}

// Whether lines about the runtime are shown (--verbose).
[[nodiscard]] bool log_is_wanted();
// One such line.
void log_line(std::string_view line);

}  // namespace husk
