// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/event_fd.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "launcher/host/errno_error.hpp"

namespace husk::host {

EventFd::EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!fd_.is_open()) throw errno_error("cannot make an eventfd");
}

void EventFd::signal() const {
    const std::uint64_t one = 1;
    // It fails only when the counter is full, and then the other side has news enough.
    static_cast<void>(::write(fd_.get(), &one, sizeof one));
}

void EventFd::drain() const {
    std::uint64_t count = 0;
    static_cast<void>(::read(fd_.get(), &count, sizeof count));
}

}  // namespace husk::host
