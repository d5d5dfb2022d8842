// SPDX-License-Identifier: Apache-2.0
// Who waits on a socket: threads in a call, by direction, and poll and epoll in one queue.
#pragma once

#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::net {

struct SocketWaiters {
    thread::WaitQueue readers;
    thread::WaitQueue writers;
    thread::WaitQueue watchers;

    void wake_reader() {
        readers.wake_one();
        watchers.wake_one();
    }
    // All of them: they left one note that they want room, and there may be enough for several.
    void wake_writers() {
        writers.wake_all();
        watchers.wake_one();
    }
    // The state changed for everyone: an error, a hang-up, an end.
    void wake_all() {
        readers.wake_all();
        writers.wake_all();
        watchers.wake_all();
    }
};

}  // namespace husk::net
