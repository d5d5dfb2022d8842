// SPDX-License-Identifier: Apache-2.0
// What the conformance programs about poll, select and epoll share: things to watch, and how readiness is printed.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "tests/guest/conformance.hpp"

namespace conformance {

inline int made_event(unsigned count = 0) { return static_cast<int>(needs(eventfd(count, EFD_NONBLOCK))); }

struct Pair {
    int a, b;
    explicit Pair(bool is_pipe, int type = SOCK_STREAM) {
        int ends[2];
        needs(is_pipe ? pipe2(ends, O_NONBLOCK) : socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, ends));
        a = ends[0];
        b = ends[1];
    }
    Pair(const Pair&) = delete;
    ~Pair() {
        close(a);
        close(b);
    }
};

inline void print_bits(const char* what, unsigned bits) {
    constexpr struct {
        unsigned bit;
        const char* name;
    } names[] = {{POLLIN, "IN"},         {POLLPRI, "PRI"},       {POLLOUT, "OUT"},
                 {POLLERR, "ERR"},       {POLLHUP, "HUP"},       {POLLNVAL, "NVAL"},
                 {POLLRDNORM, "RDNORM"}, {POLLWRNORM, "WRNORM"}, {POLLRDHUP, "RDHUP"}};
    std::printf("    %s:", what);
    for (const auto& each : names) {
        if ((bits & each.bit) != 0) std::printf(" %s", each.name);
    }
    std::printf("\n");
}

// A signal with a handler that is blocked for the time of one scenario, and a mask under which it is not.
struct HeldSignal {
    explicit HeldSignal(int number) : handler(number) {
        sigemptyset(&none);
        sigemptyset(&block);
        sigaddset(&block, number);
        pthread_sigmask(SIG_BLOCK, &block, nullptr);
    }
    HeldSignal(const HeldSignal&) = delete;
    ~HeldSignal() { pthread_sigmask(SIG_UNBLOCK, &block, nullptr); }

    Handler handler;
    sigset_t block, none;
};

// What an epoll has ready, without waiting.
class Watcher {
public:
    Watcher() : fd_(static_cast<int>(needs(epoll_create1(0)))) {}
    Watcher(const Watcher&) = delete;
    ~Watcher() { close(fd_); }
    void set(int operation, int fd, unsigned events) const {
        epoll_event event{events, {}};
        event.data.fd = fd;
        needs(epoll_ctl(fd_, operation, fd, &event));
    }
    void ready(const char* what) const {
        epoll_event events[8];
        const int count = epoll_wait(fd_, events, 8, 0);
        if (count == 1) {
            print_bits(what, events[0].events);
        } else {
            is(what, count);
        }
    }
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

}  // namespace conformance
