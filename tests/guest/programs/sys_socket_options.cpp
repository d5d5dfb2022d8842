// SPDX-License-Identifier: Apache-2.0
// Options of internet sockets, and time-outs.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "tests/guest/inet_ends.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

void options() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    check_equal(option_of(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    check_equal(option_of(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
    check_equal(option_of(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
    check_equal(option_of(fd, SOL_SOCKET, SO_ERROR), 0);
    for (const int option : {SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_BROADCAST}) {
        check_equal(option_of(fd, SOL_SOCKET, option), 0);
        set_option(fd, SOL_SOCKET, option, 1);
        check_equal(option_of(fd, SOL_SOCKET, option), 1);
    }
    set_option(fd, SOL_SOCKET, SO_SNDBUF, 50'000);
    check_equal(option_of(fd, SOL_SOCKET, SO_SNDBUF), 100'000);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    check_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
    check_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    check_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
    set_option(fd, IPPROTO_TCP, TCP_CORK, 1);
    check_equal(option_of(fd, IPPROTO_TCP, TCP_CORK), 1);
    set_option(fd, IPPROTO_IP, IP_TTL, 33);
    check_equal(option_of(fd, IPPROTO_IP, IP_TTL), 33);
    int value = 0;
    check_fails(setsockopt(fd, IPPROTO_IP, IP_TTL, &value, sizeof value), EINVAL);
    check_fails(setsockopt(fd, SOL_SOCKET, 4711, &value, sizeof value), ENOPROTOOPT);
    check_fails(setsockopt(fd, IPPROTO_TCP, 4711, &value, sizeof value), ENOPROTOOPT);
    check_fails(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, 1), EINVAL);
    close(fd);
    const Connection pair;
    tcp_info info{};
    socklen_t size = sizeof info;
    check_equal(getsockopt(pair.a, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    check_equal(info.tcpi_state, TCP_ESTABLISHED);
}

void timeouts() {
    const Connection pair;
    // Linux counts such a time in ticks, from the last one that it has served: a busy machine may be some behind.
    const timeval limit{0, 200'000};
    check_equal(setsockopt(pair.a, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    const auto begin = std::chrono::steady_clock::now();
    char byte = 0;
    check_fails(read(pair.a, &byte, 1), EAGAIN);
    check(std::chrono::steady_clock::now() - begin >= 100ms);
}

}  // namespace

int main() {
    options();
    passed("options");
    timeouts();
    passed("timeouts");
}
