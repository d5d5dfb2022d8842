// SPDX-License-Identifier: Apache-2.0
// What the conformance programs about sockets share: loopback addresses, listeners, and connected pairs.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/guest/conformance.hpp"

namespace conformance {

inline sockaddr_in loopback(unsigned short port = 0) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

// SAFETY: the kernel's way to take an address of any family.
template <class Address>
const sockaddr* plain(const Address& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}
template <class Address>
sockaddr* plain(Address& address) {
    return reinterpret_cast<sockaddr*>(&address);
}

inline int made(int family, int type) { return static_cast<int>(needs(socket(family, type, 0))); }

inline sockaddr_in name_of_socket(int fd) {
    sockaddr_in address = {};
    socklen_t size = sizeof address;
    needs(getsockname(fd, plain(address), &size));
    return address;
}

inline int listening(int backlog = 8) {
    const int fd = made(AF_INET, SOCK_STREAM);
    const sockaddr_in any = loopback();
    needs(bind(fd, plain(any), sizeof any));
    needs(listen(fd, backlog));
    return fd;
}

// Two connected TCP sockets, or others.
struct Ends {
    int a = -1, b = -1;
    Ends() {
        const int listener = listening();
        const sockaddr_in address = name_of_socket(listener);
        a = made(AF_INET, SOCK_STREAM);
        needs(connect(a, plain(address), sizeof address));
        b = static_cast<int>(needs(accept(listener, nullptr, nullptr)));
        close(listener);
    }
    explicit Ends(int type) {
        int both[2];
        needs(socketpair(AF_UNIX, type, 0, both));
        a = both[0], b = both[1];
    }
    Ends(const Ends&) = delete;
    ~Ends() {
        close(a);
        close(b);
    }
    void close_b() {
        close(b);
        b = -1;
    }
};

inline int error_of(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    needs(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    return error;
}

inline void close_with_reset(int fd) {
    const linger at_once{1, 0};
    needs(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    close(fd);
}

// Waits until a change has come through.
inline void until(int fd, short events) {
    pollfd one{fd, events, 0};
    poll(&one, 1, 5000);
}

// Sends until there is no room, and none comes although what is on its way has arrived.
inline void fill(int fd) {
    constexpr short rest_ms = 100;
    pollfd one{fd, POLLOUT, 0};
    do {
        while (send(fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
        }
    } while (poll(&one, 1, rest_ms) != 0 || send(fd, buffer, 1, MSG_DONTWAIT) > 0);
}

}  // namespace conformance
