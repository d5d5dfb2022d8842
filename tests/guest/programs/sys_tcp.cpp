// SPDX-License-Identifier: Apache-2.0
// TCP over loopback: streams, their ends and errors, readiness.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/inet_ends.hpp"

using namespace guest_test;

namespace {

void streams() {
    const int fresh = socket(AF_INET, SOCK_STREAM, 0);
    check_equal(events_of(fresh), POLLOUT | POLLHUP);
    char buffer[64];
    check_fails(recv(fresh, buffer, 1, 0), ENOTCONN);
    check_fails(send(fresh, buffer, 1, MSG_NOSIGNAL), EPIPE);
    check_fails(shutdown(fresh, SHUT_WR), ENOTCONN);
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    check_fails(getpeername(fresh, generic(peer), &size), ENOTCONN);
    close(fresh);

    Connection pair;
    check_equal(getpeername(pair.a, generic(peer), &size), 0);
    check_equal(ntohl(peer.sin_addr.s_addr), INADDR_LOOPBACK);
    check_equal(name_of(pair.b).sin_port, peer.sin_port);
    check_equal(events_of(pair.a), POLLOUT);
    check_equal(send(pair.a, "hello ", 6, MSG_MORE), 6);
    check_equal(send(pair.a, "world", 5, 0), 5);
    check_equal(recv(pair.b, buffer, 11, MSG_WAITALL), 11);
    check_equal(std::string(buffer, 11), "hello world");
    check_fails(recv(pair.b, buffer, 1, MSG_DONTWAIT), EAGAIN);
    check_equal(write(pair.b, "peeked", 6), 6);
    check_equal(events_of(pair.a, 1000, POLLIN), POLLIN);
    check_equal(recv(pair.a, buffer, 3, MSG_PEEK), 3);
    int available = 0;
    check_equal(ioctl(pair.a, FIONREAD, &available), 0);
    check_equal(available, 6);
    check_equal(read(pair.a, buffer, sizeof buffer), 6);
    check_fails(lseek(pair.a, 0, SEEK_CUR), ESPIPE);
    check_fails(connect(pair.a, generic(peer), sizeof peer), EISCONN);
}

void half_close() {
    Connection pair;
    check_equal(write(pair.a, "last words", 10), 10);
    check_equal(shutdown(pair.a, SHUT_WR), 0);
    check_fails(send(pair.a, "x", 1, MSG_NOSIGNAL), EPIPE);
    char buffer[32];
    check_equal(read(pair.b, buffer, sizeof buffer), 10);
    check_equal(read(pair.b, buffer, sizeof buffer), 0);
    check_equal(events_of(pair.b), POLLIN | POLLOUT | POLLRDHUP);
    check_equal(write(pair.b, "an answer", 9), 9);
    check_equal(recv(pair.a, buffer, 9, MSG_WAITALL), 9);
    pair.close_b();
    check_equal(read(pair.a, buffer, sizeof buffer), 0);
    check((events_of(pair.a) & POLLHUP) != 0);
}

void resets() {
    Connection pair;
    check_equal(write(pair.a, "never read", 10), 10);
    check_equal(events_of(pair.b, 1000, POLLIN), POLLIN);
    pair.close_b();  // with unread data: a reset
    check((events_of(pair.a, 1000, POLLIN) & (POLLERR | POLLHUP)) == (POLLERR | POLLHUP));
    char byte = 0;
    check_fails(read(pair.a, &byte, 1), ECONNRESET);
    check_equal(read(pair.a, &byte, 1), 0);
    check_fails(send(pair.a, "x", 1, MSG_NOSIGNAL), EPIPE);

    Connection lingering;
    const linger at_once{1, 0};
    check_equal(setsockopt(lingering.b, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    lingering.close_b();
    check_fails(read(lingering.a, &byte, 1), ECONNRESET);
}

void broken_pipes() {
    static volatile sig_atomic_t caught = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { caught = caught + 1; };
    sigaction(SIGPIPE, &action, nullptr);
    Connection pair;
    shutdown(pair.a, SHUT_WR);
    check_fails(write(pair.a, "x", 1), EPIPE);
    check_equal(caught, 1);
    check_fails(send(pair.a, "x", 1, MSG_NOSIGNAL), EPIPE);
    check_equal(caught, 1);
}

void epoll_events() {
    Connection pair;
    const int epoll = epoll_create1(0);
    epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u32 = 1}};
    check_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.a, &event), 0);
    check_equal(epoll_wait(epoll, &event, 1, 1000), 1);
    check_equal(event.events, static_cast<std::uint32_t>(EPOLLOUT));
    check_equal(epoll_wait(epoll, &event, 1, 0), 0);
    check_equal(write(pair.b, "1", 1), 1);
    check_equal(epoll_wait(epoll, &event, 1, 1000), 1);
    check_equal(event.events, static_cast<std::uint32_t>(EPOLLIN | EPOLLOUT));
    check_equal(epoll_wait(epoll, &event, 1, 20), 0);  // nothing new, although it is not read
    check_equal(write(pair.b, "2", 1), 1);
    check_equal(epoll_wait(epoll, &event, 1, 1000), 1);
    check_equal(shutdown(pair.b, SHUT_WR), 0);
    check_equal(epoll_wait(epoll, &event, 1, 1000), 1);
    check_equal(event.events, static_cast<std::uint32_t>(EPOLLIN | EPOLLOUT | EPOLLRDHUP));
    event.events = EPOLLIN | EPOLLONESHOT;
    check_equal(epoll_ctl(epoll, EPOLL_CTL_MOD, pair.a, &event), 0);
    check_equal(epoll_wait(epoll, &event, 1, 1000), 1);
    check_equal(epoll_wait(epoll, &event, 1, 0), 0);
    close(epoll);
}

void full_stream() {
    Connection pair;
    check_equal(fcntl(pair.a, F_SETFL, O_NONBLOCK), 0);
    const std::vector<char> block(65536, 'f');
    std::size_t written = 0;
    for (ssize_t put = 0; (put = write(pair.a, block.data(), block.size())) > 0;)
        written += static_cast<std::size_t>(put);
    check_equal(errno, EAGAIN);
    const int epoll = epoll_create1(0);
    epoll_event event{EPOLLOUT | EPOLLET, {.u32 = 7}};
    check_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.a, &event), 0);
    check_equal(epoll_wait(epoll, &event, 1, 0), 0);
    std::vector<char> sink(1 << 20);
    std::size_t got = 0;
    while (got < written) {
        const ssize_t bytes = read(pair.b, sink.data(), sink.size());
        check(bytes > 0);
        got += static_cast<std::size_t>(bytes);
    }
    check_equal(epoll_wait(epoll, &event, 1, 1000), 1);
    check_equal(event.events, static_cast<std::uint32_t>(EPOLLOUT));
    close(epoll);
}

void sending_files() {
    const Connection pair;
    char path[] = "/tmp/husk-sendfile-XXXXXX";
    const int file = mkstemp(path);
    unlink(path);
    std::vector<char> contents(300'000);
    for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = static_cast<char>(i * 31 >> 4);
    check_equal(write(file, contents.data(), contents.size()), static_cast<ssize_t>(contents.size()));
    std::thread sender([&] {
        off_t offset = 0;
        while (offset < static_cast<off_t>(contents.size())) {
            check(sendfile(pair.a, file, &offset, contents.size() - static_cast<std::size_t>(offset)) > 0);
        }
    });
    std::vector<char> received(contents.size());
    check_equal(recv(pair.b, received.data(), received.size(), MSG_WAITALL), static_cast<ssize_t>(received.size()));
    sender.join();
    check(received == contents);
    close(file);
}

}  // namespace

int main() {
    streams();
    passed("streams");
    half_close();
    passed("half-closed connections");
    resets();
    passed("resets");
    broken_pipes();
    passed("EPIPE and SIGPIPE");
    epoll_events();
    passed("epoll on connections");
    full_stream();
    passed("a full stream, and room again");
    sending_files();
    passed("sendfile");
}
