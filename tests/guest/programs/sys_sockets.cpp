// SPDX-License-Identifier: Apache-2.0
// TCP and UDP over loopback: connections, names, readiness, options, ends and errors.
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

const sockaddr* generic(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }
const sockaddr* generic(const sockaddr_in6& address) { return reinterpret_cast<const sockaddr*>(&address); }
sockaddr* generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

sockaddr_in loopback(std::uint16_t port = 0) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

sockaddr_in name_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    check_equal(getsockname(fd, generic(address), &size), 0);
    check_equal(size, sizeof address);
    return address;
}

int listen_on(sockaddr_in& address, int backlog = 16) {
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

short events_of(int fd, int timeout_ms = 0, short wanted = POLLIN | POLLOUT | POLLRDHUP) {
    pollfd item{fd, wanted, 0};
    check(poll(&item, 1, timeout_ms) >= 0);
    return item.revents;
}

int option_of(int fd, int level, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    check_equal(getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

void set_option(int fd, int level, int option, int value) {
    check_equal(setsockopt(fd, level, option, &value, sizeof value), 0);
}

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

void connecting() {
    sockaddr_in address = loopback();
    int listener = listen_on(address);
    close(listener);
    const int refused = socket(AF_INET, SOCK_STREAM, 0);
    check_fails(connect(refused, generic(address), sizeof address), ECONNREFUSED);
    check_equal(fcntl(refused, F_SETFL, O_NONBLOCK), 0);
    if (connect(refused, generic(address), sizeof address) == -1 && errno == EINPROGRESS) {
        check((events_of(refused, 1000, POLLOUT) & POLLERR) != 0);
        check_equal(option_of(refused, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
        check_equal(option_of(refused, SOL_SOCKET, SO_ERROR), 0);
    } else {
        check_equal(errno, ECONNREFUSED);
    }
    close(refused);

    address = loopback();
    listener = listen_on(address);
    const int eager = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int begun = connect(eager, generic(address), sizeof address);
    check(begun == 0 || errno == EINPROGRESS);
    check_equal(events_of(eager, 1000, POLLOUT), POLLOUT);
    check_equal(option_of(eager, SOL_SOCKET, SO_ERROR), 0);
    check_equal(events_of(listener, 1000, POLLIN), POLLIN);
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const int served = accept4(listener, generic(peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    check(served >= 0);
    check_equal(peer.sin_port, name_of(eager).sin_port);
    check_equal(fcntl(served, F_GETFD), FD_CLOEXEC);
    check_fails(accept4(listener, nullptr, nullptr, 0x40), EINVAL);
    check_equal(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
    check_fails(accept(listener, nullptr, nullptr), EAGAIN);
    check_equal(option_of(listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
    check_fails(accept(served, nullptr, nullptr), EINVAL);
    for (const int fd : {eager, served, listener}) close(fd);
}

void binding() {
    sockaddr_in address = loopback();
    const int listener = listen_on(address);
    const int other = socket(AF_INET, SOCK_STREAM, 0);
    check_fails(bind(other, generic(address), sizeof address), EADDRINUSE);
    check_fails(bind(other, generic(address), 3), EINVAL);
    sockaddr_in foreign = loopback();
    foreign.sin_addr.s_addr = inet_addr("192.0.2.1");
    check_fails(bind(other, generic(foreign), sizeof foreign), EADDRNOTAVAIL);
    foreign.sin_family = AF_INET6;
    check_fails(bind(other, generic(foreign), sizeof foreign), EAFNOSUPPORT);
    sockaddr_in free = loopback();
    check_equal(bind(other, generic(free), sizeof free), 0);
    check_fails(bind(other, generic(free), sizeof free), EINVAL);
    close(other);

    const int one = socket(AF_INET, SOCK_STREAM, 0), two = socket(AF_INET, SOCK_STREAM, 0);
    set_option(one, SOL_SOCKET, SO_REUSEPORT, 1);
    set_option(two, SOL_SOCKET, SO_REUSEPORT, 1);
    sockaddr_in shared = loopback();
    check_equal(bind(one, generic(shared), sizeof shared), 0);
    shared = name_of(one);
    check_equal(bind(two, generic(shared), sizeof shared), 0);
    check_equal(listen(one, 8), 0);
    check_equal(listen(two, 8), 0);
    for (const int fd : {one, two, listener}) close(fd);
}

void restarting() {
    sockaddr_in address = loopback();
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
    check_equal(bind(listener, generic(address), sizeof address), 0);
    check_equal(listen(listener, 4), 0);
    address = name_of(listener);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    check_equal(connect(client, generic(address), sizeof address), 0);
    const int served = accept(listener, nullptr, nullptr);
    close(served);  // the server's side waits in TIME_WAIT
    close(listener);
    char byte = 0;
    check_equal(read(client, &byte, 1), 0);
    close(client);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
    check_equal(bind(listener, generic(address), sizeof address), 0);
    check_equal(listen(listener, 4), 0);
    close(listener);
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

void datagrams() {
    const int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sockaddr_in address = loopback();
    check_equal(bind(a, generic(address), sizeof address), 0);
    address = name_of(a);
    char buffer[64];
    check_fails(recv(b, buffer, sizeof buffer, 0), EAGAIN);
    check_fails(send(b, "x", 1, 0), EDESTADDRREQ);
    check_equal(sendto(b, "datagram", 8, 0, generic(address), sizeof address), 8);
    check_equal(sendto(b, "", 0, 0, generic(address), sizeof address), 0);
    check_equal(events_of(a, 1000, POLLIN), POLLIN);
    sockaddr_in from{};
    socklen_t size = sizeof from;
    check_equal(recvfrom(a, buffer, 4, MSG_PEEK | MSG_TRUNC, generic(from), &size), 8);
    check_equal(recvfrom(a, buffer, 4, MSG_TRUNC, generic(from), &size), 8);
    check_equal(from.sin_port, name_of(b).sin_port);
    check_equal(recv(a, buffer, sizeof buffer, 0), 0);
    check_equal(connect(b, generic(address), sizeof address), 0);
    check_equal(ntohl(name_of(b).sin_addr.s_addr), INADDR_LOOPBACK);
    check_equal(send(b, "connected", 9, 0), 9);
    check_equal(read(a, buffer, sizeof buffer), 9);
    const std::vector<char> large(65507, 'L');
    check_equal(send(b, large.data(), large.size(), 0), 65507);
    std::vector<char> received(70000);
    check_equal(read(a, received.data(), received.size()), 65507);
    check_fails(send(b, received.data(), 65508, 0), EMSGSIZE);
    mmsghdr messages[3]{};
    iovec pieces[3];
    for (int i = 0; i < 3; ++i) {
        pieces[i] = {buffer + i, static_cast<std::size_t>(i + 1)};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    check_equal(sendmmsg(b, messages, 3, 0), 3);
    check_equal(recvmmsg(a, messages, 3, MSG_WAITFORONE, nullptr), 3);
    check_equal(messages[2].msg_len, 3u);
    close(a);
    close(b);
}

void packet_information() {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address = loopback();
    check_equal(bind(fd, generic(address), sizeof address), 0);
    address = name_of(fd);
    set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    set_option(fd, IPPROTO_IP, IP_RECVTTL, 1);
    check_equal(sendto(fd, "i", 1, 0, generic(address), sizeof address), 1);
    char byte = 0;
    iovec piece{&byte, 1};
    alignas(cmsghdr) char control[256];
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    check_equal(recvmsg(fd, &header, 0), 1);
    bool has_info = false, has_ttl = false;
    for (cmsghdr* record = CMSG_FIRSTHDR(&header); record != nullptr; record = CMSG_NXTHDR(&header, record)) {
        if (record->cmsg_level == IPPROTO_IP && record->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(record), sizeof info);
            has_info = info.ipi_addr.s_addr == htonl(INADDR_LOOPBACK) && info.ipi_ifindex == 1;
        }
        if (record->cmsg_level == IPPROTO_IP && record->cmsg_type == IP_TTL) has_ttl = true;
    }
    check(has_info && has_ttl);
    close(fd);
}

void ipv6() {
    const int listener = socket(AF_INET6, SOCK_STREAM, 0);
    set_option(listener, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    check_equal(bind(listener, generic(any), sizeof any), 0);
    check_equal(listen(listener, 4), 0);
    socklen_t size = sizeof any;
    check_equal(getsockname(listener, reinterpret_cast<sockaddr*>(&any), &size), 0);

    const int old = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(ntohs(any.sin6_port));
    check_equal(connect(old, generic(address), sizeof address), 0);
    sockaddr_in6 peer{};
    size = sizeof peer;
    const int mapped = accept(listener, reinterpret_cast<sockaddr*>(&peer), &size);
    check(mapped >= 0);
    check(IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr));
    check_equal(write(old, "v4", 2), 2);
    char buffer[8];
    check_equal(read(mapped, buffer, sizeof buffer), 2);

    const int young = socket(AF_INET6, SOCK_STREAM, 0);
    sockaddr_in6 local{};
    local.sin6_family = AF_INET6;
    local.sin6_port = any.sin6_port;
    local.sin6_addr = in6addr_loopback;
    check_equal(connect(young, generic(local), sizeof local), 0);
    const int plain = accept(listener, reinterpret_cast<sockaddr*>(&peer), &size);
    check(IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr));
    check_equal(write(plain, "v6", 2), 2);
    check_equal(read(young, buffer, sizeof buffer), 2);
    for (const int fd : {listener, old, mapped, young, plain}) close(fd);
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

void interfaces() {
    check_equal(if_nametoindex("lo"), 1u);
    char name[IF_NAMESIZE];
    check(if_indextoname(1, name) != nullptr);
    check_equal(std::string(name), "lo");
    check_equal(if_nametoindex("nowhere0"), 0u);
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request{};
    std::snprintf(request.ifr_name, sizeof request.ifr_name, "lo");
    check_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
    check((request.ifr_flags & (IFF_UP | IFF_LOOPBACK)) == (IFF_UP | IFF_LOOPBACK));
    check_equal(ioctl(fd, SIOCGIFMTU, &request), 0);
    check_equal(request.ifr_mtu, 65536);
    close(fd);

    ifaddrs* list = nullptr;
    check_equal(getifaddrs(&list), 0);
    bool has_link = false, has_ipv4 = false, has_ipv6 = false;
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || std::string(entry->ifa_name) != "lo") continue;
        has_link = has_link || entry->ifa_addr->sa_family == AF_PACKET;
        if (entry->ifa_addr->sa_family == AF_INET) {
            const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
            has_ipv4 = address->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
        }
        has_ipv6 = has_ipv6 || entry->ifa_addr->sa_family == AF_INET6;
    }
    check(has_link && has_ipv4 && has_ipv6);
    freeifaddrs(list);
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
    connecting();
    passed("connect and accept");
    binding();
    passed("bind");
    restarting();
    passed("binding again after TIME_WAIT");
    epoll_events();
    passed("epoll on connections");
    full_stream();
    passed("a full stream, and room again");
    options();
    passed("options");
    timeouts();
    passed("timeouts");
    datagrams();
    passed("datagrams");
    packet_information();
    passed("control data of datagrams");
    ipv6();
    passed("IPv6 and both families");
    sending_files();
    passed("sendfile");
    interfaces();
    passed("interfaces");
}
