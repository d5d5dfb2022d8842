// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/stats.hpp"

namespace husk::run {

const char* name_of(ExitKind kind) {
    constexpr std::array<const char*, exit_kinds> names = {
        "console_write", "console_read", "console_poll", "exit",        "wait",  "wake",
        "log",           "crash",        "give_back",    "stop",        "trace", "give_way",
        "serial",        "device",       "memory",       "interrupted", "other"};
    return names[static_cast<std::size_t>(kind)];
}

ExitCounts& ExitCounts::operator+=(const ExitCounts& other) {
    upcalls.add(other.upcalls.value());
    for (std::size_t i = 0; i < exits_.size(); ++i) exits_[i].add(other.exits_[i].value());
    return *this;
}

}  // namespace husk::run
