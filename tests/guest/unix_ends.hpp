// SPDX-License-Identifier: Apache-2.0
// What the tests of UNIX-domain sockets share: names and connected pairs.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "tests/guest/check.hpp"

namespace guest_test {

struct Name {
    sockaddr_un address{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

inline Name path_name(const std::string& path) {
    Name name;
    name.address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), name.address.sun_path);
    name.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return name;
}

inline Name abstract_name(const std::string& text) {
    Name name;
    name.address.sun_family = AF_UNIX;
    std::copy(text.begin(), text.end(), name.address.sun_path + 1);
    name.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
    return name;
}

inline std::string unique(const std::string& stem) { return "husk-test-" + stem + "-" + std::to_string(getpid()); }

inline short events_of(int fd) {
    pollfd item{fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    check(poll(&item, 1, 0) >= 0);
    return item.revents;
}

struct Pair {
    int a, b;
    explicit Pair(int type) {
        int ends[2];
        check_equal(socketpair(AF_UNIX, type, 0, ends), 0);
        a = ends[0];
        b = ends[1];
    }
    ~Pair() {
        if (a >= 0) close(a);
        if (b >= 0) close(b);
    }
    void close_b() {
        close(b);
        b = -1;
    }
};

}  // namespace guest_test
