// SPDX-License-Identifier: Apache-2.0
// An eventfd: a counter that wakes whoever polls it.
#pragma once

#include "launcher/host/file_descriptor.hpp"

namespace husk::host {

class EventFd final {
public:
    EventFd();  // throws host::Error

    // Any thread, and signal handlers.
    void signal() const;

    // Takes what was signalled so far; never blocks.
    void drain() const;

    [[nodiscard]] int get() const { return fd_.get(); }

private:
    FileDescriptor fd_;
};

}  // namespace husk::host
