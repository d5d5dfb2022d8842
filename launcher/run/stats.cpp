// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/stats.hpp"

namespace husk::run {

const char* name_of(ExitKind kind) {
    constexpr std::array<const char*, exit_kinds> names = {
        "console_write", "console_read", "console_poll", "exit",   "wait",   "wake",        "log",
        "crash",         "stop",         "serial",       "device", "memory", "interrupted", "other"};
    return names[static_cast<std::size_t>(kind)];
}

}  // namespace husk::run
