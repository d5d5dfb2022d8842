// SPDX-License-Identifier: Apache-2.0
// How long a thread ran, and how long it had to wait for a CPU although it could have run.
#pragma once

#include <cstdint>

#include "launcher/host/file_descriptor.hpp"

namespace husk::host {

// Since the thread began.
struct RunTimes {
    std::uint64_t ran_ns = 0;
    std::uint64_t waited_ns = 0;
};

class RunDelay final {
public:
    // Of the thread that calls this.
    RunDelay();

    // Whether the kernel counts it.
    [[nodiscard]] bool is_known() const { return file_.is_open(); }

    // All 0 on a kernel that does not. /proc/PID/task/TID/schedstat, the first two numbers (Linux:
    // Documentation/scheduler/sched-stats.rst).
    [[nodiscard]] RunTimes times() const;

private:
    FileDescriptor file_;
};

}  // namespace husk::host
