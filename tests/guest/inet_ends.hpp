// SPDX-License-Identifier: Apache-2.0
// What the tests of internet sockets share: loopback addresses, listeners, connected pairs, options.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

#include "tests/guest/check.hpp"

namespace guest_test {

inline const sockaddr* generic(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }
inline const sockaddr* generic(const sockaddr_in6& address) { return reinterpret_cast<const sockaddr*>(&address); }
inline sockaddr* generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

inline sockaddr_in loopback(std::uint16_t port = 0) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

inline sockaddr_in name_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    check_equal(getsockname(fd, generic(address), &size), 0);
    check_equal(size, sizeof address);
    return address;
}

inline int listen_on(sockaddr_in& address, int backlog = 16) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    check(fd >= 0);
    check_equal(bind(fd, generic(address), sizeof address), 0);
    check_equal(listen(fd, backlog), 0);
    address = name_of(fd);
    return fd;
}

// A connection: `a` connected, `b` accepted.
struct Connection {
    int a, b;
    Connection() {
        sockaddr_in address = loopback();
        const int listener = listen_on(address);
        a = socket(AF_INET, SOCK_STREAM, 0);
        check_equal(connect(a, generic(address), sizeof address), 0);
        b = accept(listener, nullptr, nullptr);
        check(b >= 0);
        close(listener);
    }
    ~Connection() {
        if (a >= 0) close(a);
        if (b >= 0) close(b);
    }
    void close_b() {
        close(b);
        b = -1;
    }
};

inline short events_of(int fd, int timeout_ms = 0, short wanted = POLLIN | POLLOUT | POLLRDHUP) {
    pollfd item{fd, wanted, 0};
    check(poll(&item, 1, timeout_ms) >= 0);
    return item.revents;
}

inline int option_of(int fd, int level, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    check_equal(getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

inline void set_option(int fd, int level, int option, int value) {
    check_equal(setsockopt(fd, level, option, &value, sizeof value), 0);
}

}  // namespace guest_test
