// SPDX-License-Identifier: Apache-2.0
#include "launcher/event/ready_watcher.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <array>
#include <utility>

#include "launcher/host/errno_error.hpp"

namespace husk::event {

namespace {

static_assert(POLLIN == EPOLLIN && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR && POLLHUP == EPOLLHUP);

int create_set() {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) throw host::errno_error("cannot create an epoll set");
    return fd;
}

}  // namespace

ReadyWatcher::ReadyWatcher(boost::asio::io_context& context) : set_(context, create_set()) { wait_for_set(); }

void ReadyWatcher::watch(int fd, short poll_events, Callback callback) {
    Watch& watch = watches_[fd];
    watch.poll_events = static_cast<short>(watch.poll_events | poll_events);
    watch.callback = std::move(callback);
    epoll_event event{};
    event.events = static_cast<std::uint32_t>(watch.poll_events) | EPOLLONESHOT;
    event.data.fd = fd;
    const auto has_set = [&](int operation) { return ::epoll_ctl(set_.native_handle(), operation, fd, &event) == 0; };
    // One that was closed meanwhile is not in the set any more, and its number may be another file's.
    if (watch.is_in_set && has_set(EPOLL_CTL_MOD)) return;
    watch.is_in_set = has_set(EPOLL_CTL_ADD);
    if (watch.is_in_set) return;
    const Callback ready = std::move(watch.callback);
    watches_.erase(fd);
    ready();
}

void ReadyWatcher::wait_for_set() {
    set_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code error) {
        if (error) return;
        on_set_ready();
        wait_for_set();
    });
}

void ReadyWatcher::on_set_ready() {
    std::array<epoll_event, 8> events;
    const int count = ::epoll_wait(set_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const auto found = watches_.find(events[static_cast<std::size_t>(i)].data.fd);
        if (found == watches_.end()) continue;
        found->second.poll_events = 0;
        const Callback callback = std::exchange(found->second.callback, nullptr);
        if (callback) callback();
    }
}

}  // namespace husk::event
