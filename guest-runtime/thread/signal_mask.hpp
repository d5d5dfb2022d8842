// SPDX-License-Identifier: Apache-2.0
// A signal mask for the time of one system call (ppoll, pselect6, epoll_pwait).
#pragma once

#include <cstdint>

namespace husk::thread {

// Sets the calling thread's mask; the old one comes back when the call is left, but only after the frame of a signal
// that the temporary mask let through has been set up, as in Linux.
class TemporaryMask {
public:
    explicit TemporaryMask(std::uint64_t mask);
    ~TemporaryMask();
    TemporaryMask(const TemporaryMask&) = delete;
    TemporaryMask& operator=(const TemporaryMask&) = delete;
};

}  // namespace husk::thread
