// SPDX-License-Identifier: Apache-2.0
// UNIX-domain sockets: streams, datagrams, sequenced packets, names, descriptor passing, credentials, errors.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

struct Name {
    sockaddr_un address{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

Name path_name(const std::string& path) {
    Name name;
    name.address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), name.address.sun_path);
    name.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return name;
}

Name abstract_name(const std::string& text) {
    Name name;
    name.address.sun_family = AF_UNIX;
    std::copy(text.begin(), text.end(), name.address.sun_path + 1);
    name.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
    return name;
}

std::string unique(const std::string& stem) { return "husk-test-" + stem + "-" + std::to_string(getpid()); }

short events_of(int fd) {
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

void sequenced_packets() {
    Pair pair(SOCK_SEQPACKET);
    check_equal(send(pair.a, "first", 5, 0), 5);
    check_equal(send(pair.a, "second", 6, 0), 6);
    char buffer[16];
    iovec piece{buffer, 3};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    check_equal(recvmsg(pair.b, &header, 0), 3);
    check((header.msg_flags & MSG_TRUNC) != 0);
    check_equal(recv(pair.b, buffer, sizeof buffer, MSG_PEEK | MSG_TRUNC), 6);
    check_equal(recv(pair.b, buffer, sizeof buffer, 0), 6);
    pair.close_b();
    check_equal(recv(pair.a, buffer, sizeof buffer, 0), 0);
}

void datagrams() {
    const Name here = abstract_name(unique("here")), there = abstract_name(unique("there"));
    const int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    check_equal(bind(a, here.get(), here.size), 0);
    check_fails(bind(b, here.get(), here.size), EADDRINUSE);
    check_fails(bind(a, there.get(), there.size), EINVAL);
    check_fails(send(b, "x", 1, 0), ENOTCONN);
    check_fails(sendto(b, "x", 1, 0, there.get(), there.size), ECONNREFUSED);
    check_equal(bind(b, there.get(), there.size), 0);
    check_equal(sendto(b, "datagram", 8, 0, here.get(), here.size), 8);
    check_equal(sendto(b, "", 0, 0, here.get(), here.size), 0);
    char buffer[32];
    sockaddr_un from{};
    socklen_t from_size = sizeof from;
    check_equal(recvfrom(a, buffer, 4, MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &from_size), 8);
    check_equal(from_size, there.size);
    check(std::equal(from.sun_path, from.sun_path + 8, there.address.sun_path));
    check_equal(recv(a, buffer, sizeof buffer, 0), 0);
    check_equal(connect(b, here.get(), here.size), 0);
    check_equal(send(b, "connected", 9, 0), 9);
    check_equal(read(a, buffer, sizeof buffer), 9);
    close(a);
    check_fails(send(b, "x", 1, 0), ECONNREFUSED);
    const std::vector<char> huge(1 << 20);
    const int c = socket(AF_UNIX, SOCK_DGRAM, 0);
    check_equal(bind(c, here.get(), here.size), 0);
    check_fails(sendto(b, huge.data(), huge.size(), 0, here.get(), here.size), EMSGSIZE);
    close(b);
    close(c);
}

void automatic_names() {
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    check_equal(bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(sa_family_t)), 0);
    socklen_t size = sizeof name;
    check_equal(getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size), 0);
    check_equal(size, sizeof(sa_family_t) + 6);
    check_equal(name.sun_path[0], 0);
    close(fd);
}

void listening() {
    const Name name = path_name("/tmp/" + unique("listener"));
    unlink(name.address.sun_path);
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    check_fails(listen(listener, 1), EINVAL);
    check_equal(bind(listener, name.get(), name.size), 0);
    struct stat status {};
    check_equal(stat(name.address.sun_path, &status), 0);
    check(S_ISSOCK(status.st_mode));
    check_fails(open(name.address.sun_path, O_RDWR), ENXIO);
    const int early = socket(AF_UNIX, SOCK_STREAM, 0);
    check_equal(events_of(early), POLLOUT | POLLHUP);
    char byte = 0;
    check_fails(recv(early, &byte, 1, 0), EINVAL);
    check_fails(send(early, &byte, 1, MSG_NOSIGNAL), ENOTCONN);
    check_fails(connect(early, name.get(), name.size), ECONNREFUSED);
    check_equal(listen(listener, 0), 0);
    check_equal(events_of(listener), 0);
    int is_listening = 0;
    socklen_t option_size = sizeof is_listening;
    check_equal(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &option_size), 0);
    check_equal(is_listening, 1);
    check_fails(accept4(listener, nullptr, nullptr, 0x1234'0000), EINVAL);
    check_equal(connect(early, name.get(), name.size), 0);
    check_equal(events_of(listener), POLLIN);
    const int second = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check_fails(connect(second, name.get(), name.size), EAGAIN);  // the backlog is full
    check_equal(write(early, "early", 5), 5);
    sockaddr_un peer{};
    socklen_t peer_size = sizeof peer;
    const int served = accept4(listener, reinterpret_cast<sockaddr*>(&peer), &peer_size, SOCK_NONBLOCK);
    check(served >= 0);
    check_equal(peer_size, sizeof(sa_family_t));
    check_fails(connect(early, name.get(), name.size), EISCONN);
    check_equal(fcntl(served, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    char buffer[8];
    check_equal(read(served, buffer, sizeof buffer), 5);
    check_fails(read(served, buffer, sizeof buffer), EAGAIN);
    peer_size = sizeof peer;
    check_equal(getpeername(early, reinterpret_cast<sockaddr*>(&peer), &peer_size), 0);
    check(std::string(peer.sun_path) == name.address.sun_path);
    ucred credentials{};
    option_size = sizeof credentials;
    check_equal(getsockopt(early, SOL_SOCKET, SO_PEERCRED, &credentials, &option_size), 0);
    check_equal(credentials.pid, getpid());
    std::thread late([&] {
        std::this_thread::sleep_for(10ms);
        const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        check_equal(connect(fd, name.get(), name.size), 0);
        close(fd);
    });
    const int accepted = accept(listener, nullptr, nullptr);
    check(accepted >= 0);
    check_equal(read(accepted, buffer, sizeof buffer), 0);
    late.join();
    check_equal(connect(second, name.get(), name.size), 0);
    close(listener);  // what was not accepted is reset
    check_fails(read(second, buffer, 1), ECONNRESET);
    check_fails(bind(second, name.get(), name.size), EADDRINUSE);
    unlink(name.address.sun_path);
    check_fails(connect(second, name.get(), name.size), ENOENT);
    for (const int fd : {early, second, served, accepted}) close(fd);
}

void passing_descriptors() {
    const Pair pair(SOCK_STREAM);
    int pipe_ends[2];
    check_equal(pipe(pipe_ends), 0);
    char text[] = "with a descriptor";
    iovec piece{text, sizeof text};
    alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))]{};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* record = CMSG_FIRSTHDR(&header);
    record->cmsg_level = SOL_SOCKET;
    record->cmsg_type = SCM_RIGHTS;
    record->cmsg_len = CMSG_LEN(2 * sizeof(int));
    std::memcpy(CMSG_DATA(record), pipe_ends, sizeof pipe_ends);
    check_equal(sendmsg(pair.a, &header, 0), static_cast<ssize_t>(sizeof text));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    check_equal(write(pair.a, "more", 4), 4);

    char buffer[64];
    piece = {buffer, sizeof buffer};
    std::memset(control, 0, sizeof control);
    header.msg_controllen = sizeof control;
    check_equal(recvmsg(pair.b, &header, MSG_CMSG_CLOEXEC), static_cast<ssize_t>(sizeof text));  // not glued to "more"
    record = CMSG_FIRSTHDR(&header);
    check(record != nullptr && record->cmsg_type == SCM_RIGHTS && record->cmsg_len == CMSG_LEN(2 * sizeof(int)));
    int received[2];
    std::memcpy(received, CMSG_DATA(record), sizeof received);
    check_equal(fcntl(received[0], F_GETFD), FD_CLOEXEC);
    check_equal(write(received[1], "through", 7), 7);
    check_equal(read(received[0], buffer, sizeof buffer), 7);
    close(received[1]);
    check_equal(read(received[0], buffer, sizeof buffer), 0);  // the sender's copies are gone
    close(received[0]);
    check_equal(read(pair.b, buffer, sizeof buffer), 4);

    int bad = 9999;
    record = reinterpret_cast<cmsghdr*>(control);
    record->cmsg_len = CMSG_LEN(sizeof bad);
    std::memcpy(CMSG_DATA(record), &bad, sizeof bad);
    header.msg_controllen = CMSG_SPACE(sizeof bad);
    check_fails(sendmsg(pair.a, &header, 0), EBADF);
}

void pass(int by, std::initializer_list<int> files) {
    char byte = 'x';
    iovec piece{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))]{};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(files.size() * sizeof(int));
    cmsghdr* record = CMSG_FIRSTHDR(&header);
    record->cmsg_level = SOL_SOCKET;
    record->cmsg_type = SCM_RIGHTS;
    record->cmsg_len = CMSG_LEN(files.size() * sizeof(int));
    std::memcpy(CMSG_DATA(record), files.begin(), files.size() * sizeof(int));
    check_equal(sendmsg(by, &header, 0), 1);
}

// The other end of a pipe in a message is seen to close. Linux looks for what nobody reaches when any such socket ends,
// newer ones a little later.
bool is_collected(int pipe_end) {
    for (int tries = 0; tries < 200; ++tries) {
        close(socket(AF_UNIX, SOCK_DGRAM, 0));
        pollfd watched{pipe_end, POLLIN, 0};
        if (poll(&watched, 1, 10) == 1) return (watched.revents & POLLHUP) != 0;
    }
    return false;
}

void circles_of_descriptors() {
    int pipe_ends[2];
    check_equal(pipe(pipe_ends), 0);
    {
        const Pair pair(SOCK_STREAM);
        pass(pair.a, {pair.b, pipe_ends[1]});
        pass(pair.b, {pair.a});
    }
    close(pipe_ends[1]);
    check(is_collected(pipe_ends[0]));
    close(pipe_ends[0]);

    // Longer, and from one that is still open.
    check_equal(pipe(pipe_ends), 0);
    const Pair kept(SOCK_DGRAM);
    {
        const Pair first(SOCK_SEQPACKET), second(SOCK_STREAM);
        pass(kept.a, {first.a, second.a});
        pass(first.b, {second.a, second.b});
        pass(second.b, {first.a, first.b, pipe_ends[1]});
    }
    close(pipe_ends[1]);
    close(socket(AF_UNIX, SOCK_STREAM, 0));
    pollfd watched{pipe_ends[0], POLLIN, 0};
    check_equal(poll(&watched, 1, 50), 0);
    char byte;
    check_equal(read(kept.b, &byte, 1), 1);  // the descriptors are dropped
    check(is_collected(pipe_ends[0]));
    close(pipe_ends[0]);
}

void receiving_credentials() {
    const Pair pair(SOCK_DGRAM);
    const int on = 1;
    check_equal(setsockopt(pair.b, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    check_equal(write(pair.a, "c", 1), 1);
    char byte = 0;
    iovec piece{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    check_equal(recvmsg(pair.b, &header, 0), 1);
    const cmsghdr* record = CMSG_FIRSTHDR(&header);
    check(record != nullptr && record->cmsg_type == SCM_CREDENTIALS);
    ucred credentials{};
    std::memcpy(&credentials, CMSG_DATA(record), sizeof credentials);
    check_equal(credentials.pid, getpid());
    check_equal(credentials.uid, getuid());
    check_equal(write(pair.a, "d", 1), 1);
    header.msg_controllen = 0;
    check_equal(recvmsg(pair.b, &header, 0), 1);
    check((header.msg_flags & MSG_CTRUNC) != 0);
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

void errors() {
    check_fails(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    check_fails(socket(AF_UNIX, SOCK_STREAM, 77), EPROTONOSUPPORT);
    check_fails(socket(12345, SOCK_STREAM, 0), EAFNOSUPPORT);
    int ends[2];
    check_equal(pipe(ends), 0);
    char byte = 0;
    check_fails(send(ends[1], &byte, 1, 0), ENOTSOCK);
    check_fails(listen(ends[0], 1), ENOTSOCK);
    check_fails(recv(-1, &byte, 1, 0), EBADF);
    close(ends[0]);
    close(ends[1]);
    const Pair pair(SOCK_STREAM);
    check_fails(lseek(pair.a, 0, SEEK_CUR), ESPIPE);
    check_fails(shutdown(pair.a, 7), EINVAL);
    check_fails(accept(pair.a, nullptr, nullptr), EINVAL);
    int value = 1;
    check_fails(setsockopt(pair.a, SOL_SOCKET, 9999, &value, sizeof value), ENOPROTOOPT);
    check_fails(setsockopt(pair.a, SOL_SOCKET, SO_SNDBUF, &value, 2), EINVAL);
    int type = 0;
    socklen_t size = sizeof type;
    check_equal(getsockopt(pair.a, SOL_SOCKET, SO_TYPE, &type, &size), 0);
    check_equal(type, SOCK_STREAM);
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
    sequenced_packets();
    passed("sequenced packets");
    datagrams();
    passed("datagrams and abstract names");
    automatic_names();
    passed("automatic names");
    listening();
    passed("listen, connect, accept");
    passing_descriptors();
    passed("descriptors in messages");
    circles_of_descriptors();
    passed("descriptors that only messages in a circle hold");
    receiving_credentials();
    passed("credentials");
    timeouts_and_waiting_for_all();
    passed("timeouts and MSG_WAITALL");
    errors();
    passed("errors");
}
