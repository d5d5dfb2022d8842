// SPDX-License-Identifier: Apache-2.0
// UNIX-domain streams: bytes, ends and errors, readiness, time-outs.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "tests/guest/unix_ends.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

void stream_pair() {
    Pair pair(SOCK_STREAM);
    char buffer[64];
    check_equal(events_of(pair.a), POLLOUT);
    check_equal(write(pair.a, "hello ", 6), 6);
    check_equal(send(pair.a, "world", 5, 0), 5);
    int available = 0;
    check_equal(ioctl(pair.b, FIONREAD, &available), 0);
    check_equal(available, 11);
    check_equal(recv(pair.b, buffer, 3, MSG_PEEK), 3);
    check_equal(recv(pair.b, buffer, sizeof buffer, 0), 11);
    check(std::equal(buffer, buffer + 11, "hello world"));
    check_fails(recv(pair.b, buffer, 1, MSG_DONTWAIT), EAGAIN);
    check_equal(write(pair.b, "x", 1), 1);
    check_equal(events_of(pair.a), POLLIN | POLLOUT);
    check_equal(shutdown(pair.b, SHUT_WR), 0);
    check_equal(events_of(pair.a), POLLIN | POLLOUT | POLLRDHUP);
    check_equal(read(pair.a, buffer, 2), 1);
    check_equal(read(pair.a, buffer, 2), 0);
    check_fails(send(pair.b, "y", 1, MSG_NOSIGNAL), EPIPE);
    pair.close_b();
    check_equal(events_of(pair.a), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    check_fails(send(pair.a, "y", 1, MSG_NOSIGNAL), EPIPE);
}

void unread_data_resets() {
    Pair pair(SOCK_STREAM);
    check_equal(write(pair.a, "unread", 6), 6);
    pair.close_b();
    check((events_of(pair.a) & POLLERR) != 0);
    char byte = 0;
    check_fails(read(pair.a, &byte, 1), ECONNRESET);
    check_equal(read(pair.a, &byte, 1), 0);
}

void broken_pipe_signals() {
    static volatile sig_atomic_t caught = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { caught = caught + 1; };
    sigaction(SIGPIPE, &action, nullptr);
    Pair pair(SOCK_STREAM);
    pair.close_b();
    check_fails(write(pair.a, "x", 1), EPIPE);
    check_equal(caught, 1);
    check_fails(send(pair.a, "x", 1, MSG_NOSIGNAL), EPIPE);
    check_equal(caught, 1);
}

void large_transfer() {
    const Pair pair(SOCK_STREAM);
    constexpr std::size_t total = 8 << 20;
    std::thread writer([&] {
        std::vector<std::uint8_t> block(100'000);
        std::size_t at = 0;
        while (at < total) {
            const std::size_t size = std::min(block.size(), total - at);
            for (std::size_t i = 0; i < size; ++i) block[i] = static_cast<std::uint8_t>((at + i) * 7 >> 3);
            check_equal(write(pair.a, block.data(), size), static_cast<ssize_t>(size));
            at += size;
        }
        shutdown(pair.a, SHUT_WR);
    });
    std::vector<std::uint8_t> block(33'333);
    std::size_t at = 0;
    for (ssize_t got = 0; (got = read(pair.b, block.data(), block.size())) > 0;) {
        for (ssize_t i = 0; i < got; ++i, ++at) {
            check_equal(block[static_cast<std::size_t>(i)], static_cast<std::uint8_t>(at * 7 >> 3));
        }
    }
    check_equal(at, total);
    writer.join();
}

void full_stream() {
    Pair pair(SOCK_STREAM);
    check_equal(fcntl(pair.a, F_SETFL, O_NONBLOCK), 0);
    const std::vector<char> block(4096, 'f');
    while (write(pair.a, block.data(), block.size()) > 0) {
    }
    check_equal(errno, EAGAIN);
    check_equal(events_of(pair.a), 0);
    const int epoll = epoll_create1(0);
    epoll_event event{EPOLLOUT | EPOLLET, {.u32 = 7}};
    check_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.a, &event), 0);
    check_equal(epoll_wait(epoll, &event, 1, 0), 0);
    std::vector<char> sink(1 << 20);
    check(recv(pair.b, sink.data(), sink.size(), 0) > 0);
    while (recv(pair.b, sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
    }
    check_equal(epoll_wait(epoll, &event, 1, 1000), 1);
    check_equal(event.events, static_cast<std::uint32_t>(EPOLLOUT));
    close(epoll);
}

void timeouts_and_waiting_for_all() {
    const Pair pair(SOCK_STREAM);
    // Linux counts such a time in ticks, from the last one that it has served: a busy machine may be some behind.
    const timeval limit{0, 200'000};
    check_equal(setsockopt(pair.a, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    char buffer[16];
    const auto begin = std::chrono::steady_clock::now();
    check_fails(read(pair.a, buffer, 1), EAGAIN);
    check(std::chrono::steady_clock::now() - begin >= 100ms);
    std::thread writer([&] {
        for (int i = 0; i < 4; ++i) {
            check_equal(write(pair.b, "abcd", 4), 4);
            std::this_thread::sleep_for(2ms);
        }
    });
    const timeval none{};
    check_equal(setsockopt(pair.a, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none), 0);
    check_equal(recv(pair.a, buffer, sizeof buffer, MSG_WAITALL), 16);
    writer.join();
}

}  // namespace

int main() {
    stream_pair();
    passed("a pair of streams");
    unread_data_resets();
    passed("unread data resets");
    broken_pipe_signals();
    passed("EPIPE and SIGPIPE");
    large_transfer();
    passed("8 MiB from thread to thread");
    full_stream();
    passed("a full stream, and room again");
    timeouts_and_waiting_for_all();
    passed("timeouts and MSG_WAITALL");
}
