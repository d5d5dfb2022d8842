// SPDX-License-Identifier: Apache-2.0
// One-shot readiness of file descriptors that are not the launcher's own.
//
// Asio would make a descriptor that it watches non-blocking, and with it the terminal of whoever started the launcher.
// So these are in an epoll set of their own, and Asio watches the set.
#pragma once

#include <functional>
#include <map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace husk::event {

// All calls on the thread of the io_context.
class ReadyWatcher final {
public:
    using Callback = std::function<void()>;

    explicit ReadyWatcher(boost::asio::io_context& context);

    // See EventLoop::watch. A file that cannot be watched, such as a regular one, is ready at once.
    void watch(int fd, short poll_events, Callback callback);

private:
    struct Watch {
        short poll_events = 0;
        bool is_in_set = false;
        Callback callback;
    };

    void wait_for_set();
    void on_set_ready();

    boost::asio::posix::stream_descriptor set_;
    std::map<int, Watch> watches_;
};

}  // namespace husk::event
