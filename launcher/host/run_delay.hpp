// SPDX-License-Identifier: Apache-2.0
// How long a thread had to wait for a CPU although it could have run.
#pragma once

#include <cstdint>

#include "launcher/host/file_descriptor.hpp"

namespace husk::host {

class RunDelay final {
public:
    // Of the thread that calls this.
    RunDelay();

    // Since the thread began; 0 on a kernel that does not count it. /proc/PID/task/TID/schedstat, the second number
    // (Linux: Documentation/scheduler/sched-stats.rst).
    [[nodiscard]] std::uint64_t ns() const;

private:
    FileDescriptor file_;
};

}  // namespace husk::host
