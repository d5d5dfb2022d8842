// SPDX-License-Identifier: Apache-2.0
// Errors that come back from the network, and options that few programs use: as on Linux, over loopback.
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

const sockaddr* generic(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }
sockaddr* generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

sockaddr_in address_of(const char* ip, std::uint16_t port = 0) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    check_equal(inet_pton(AF_INET, ip, &address.sin_addr), 1);
    return address;
}

sockaddr_in name_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    check_equal(getsockname(fd, generic(address), &size), 0);
    return address;
}

// Where nobody listens.
sockaddr_in nobody() {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address = address_of("127.0.0.1");
    check_equal(bind(fd, generic(address), sizeof address), 0);
    address = name_of(fd);
    close(fd);
    return address;
}

int get(int fd, int level, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    check_equal(getsockopt(fd, level, option, &value, &size), 0);
    return value;
}
int set(int fd, int level, int option, int value) { return setsockopt(fd, level, option, &value, sizeof value); }

void refused_datagrams() {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    const sockaddr_in to = nobody();
    check_equal(sendto(fd, "x", 1, 0, generic(to), sizeof to), 1);
    check_equal(get(fd, SOL_SOCKET, SO_ERROR), 0);
    check_equal(connect(fd, generic(to), sizeof to), 0);
    check_equal(send(fd, "x", 1, 0), 1);
    pollfd watched = {fd, POLLIN, 0};
    check_equal(poll(&watched, 1, 1000), 1);
    check((watched.revents & POLLERR) != 0);
    char byte;
    check_equal(recv(fd, &byte, 1, 0), -1);
    check_equal(errno, ECONNREFUSED);
    check_equal(recv(fd, &byte, 1, 0), -1);
    check_equal(errno, EAGAIN);
    check_equal(send(fd, "x", 1, 0), 1);
    check_equal(poll(&watched, 1, 1000), 1);
    check_equal(send(fd, "x", 1, 0), -1);
    check_equal(errno, ECONNREFUSED);
    close(fd);
    passed("refused datagrams");
}

void error_queue() {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    check_equal(set(fd, IPPROTO_IP, IP_RECVERR, 1), 0);
    check_equal(get(fd, IPPROTO_IP, IP_RECVERR), 1);
    const sockaddr_in to = nobody();
    check_equal(sendto(fd, "x", 1, 0, generic(to), sizeof to), 1);
    pollfd watched = {fd, 0, 0};
    check_equal(poll(&watched, 1, 1000), 1);
    check_equal(watched.revents, POLLERR);
    std::array<char, 512> control{};
    std::array<char, 64> data{};
    sockaddr_in name{};
    iovec piece = {data.data(), data.size()};
    msghdr message{};
    message.msg_name = &name;
    message.msg_namelen = sizeof name;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    check(recvmsg(fd, &message, MSG_ERRQUEUE) >= 0);
    check((message.msg_flags & MSG_ERRQUEUE) != 0);
    check_equal(name.sin_port, to.sin_port);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    check(header != nullptr && header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR);
    sock_extended_err error{};
    std::memcpy(&error, CMSG_DATA(header), sizeof error);
    check_equal(error.ee_errno, static_cast<unsigned>(ECONNREFUSED));
    check_equal(error.ee_origin, SO_EE_ORIGIN_ICMP);
    check_equal(error.ee_type, 3);
    check_equal(error.ee_code, 3);
    message.msg_controllen = control.size();
    check_equal(recvmsg(fd, &message, MSG_ERRQUEUE), -1);
    check_equal(errno, EAGAIN);
    check_equal(poll(&watched, 1, 0), 0);
    close(fd);
    passed("error queue");
}

void all_of_loopback() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at = address_of("127.5.0.2");
    check_equal(bind(listener, generic(at), sizeof at), 0);
    check_equal(listen(listener, 4), 0);
    at = name_of(listener);
    sockaddr_in elsewhere = address_of("127.5.0.3", ntohs(at.sin_port));
    const int refused = socket(AF_INET, SOCK_STREAM, 0);
    check_equal(connect(refused, generic(elsewhere), sizeof elsewhere), -1);
    check_equal(errno, ECONNREFUSED);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    check_equal(connect(client, generic(at), sizeof at), 0);
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const int server = accept(listener, generic(peer), &size);
    check(server >= 0);
    check_equal(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    check_equal(name_of(server).sin_addr.s_addr, at.sin_addr.s_addr);
    const int bound = socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in other = address_of("127.200.1.1");
    check_equal(bind(bound, generic(other), sizeof other), 0);
    for (const int fd : {listener, refused, client, server, bound}) close(fd);
    passed("all of 127/8");
}

void tcp_options() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    check_equal(get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
    check_equal(set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1234), 0);
    check_equal(get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 1234);
    check_equal(set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, -1), -1);
    check_equal(get(fd, IPPROTO_TCP, TCP_SYNCNT), 6);
    check_equal(set(fd, IPPROTO_TCP, TCP_SYNCNT, 3), 0);
    check_equal(get(fd, IPPROTO_TCP, TCP_SYNCNT), 3);
    check_equal(set(fd, IPPROTO_TCP, TCP_SYNCNT, 0), -1);
    check_equal(set(fd, IPPROTO_TCP, TCP_MAXSEG, 1000), 0);
    check_equal(set(fd, IPPROTO_TCP, TCP_MAXSEG, 20), -1);
    check_equal(errno, EINVAL);
    check_equal(get(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
    close(fd);
    passed("options of TCP");
}

void deferred_accept() {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check_equal(set(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 30), 0);
    check(get(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 30);
    sockaddr_in at = address_of("127.0.0.1");
    check_equal(bind(listener, generic(at), sizeof at), 0);
    check_equal(listen(listener, 4), 0);
    at = name_of(listener);
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    check_equal(connect(client, generic(at), sizeof at), 0);
    check_equal(accept(listener, nullptr, nullptr), -1);
    check_equal(errno, EAGAIN);
    check_equal(write(client, "now", 3), 3);
    pollfd watched = {listener, POLLIN, 0};
    check_equal(poll(&watched, 1, 2000), 1);
    const int server = accept(listener, nullptr, nullptr);
    char bytes[3];
    check_equal(read(server, bytes, 3), 3);
    for (const int fd : {listener, client, server}) close(fd);
    passed("TCP_DEFER_ACCEPT");
}

void bound_device() {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    check_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "nowhere9", 9), -1);
    check_equal(errno, ENODEV);
    check_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
    char name[IFNAMSIZ] = {};
    socklen_t size = sizeof name;
    check_equal(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size), 0);
    check_equal(size, 3u);
    check(std::strcmp(name, "lo") == 0);
    check_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0), 0);
    close(fd);
    passed("SO_BINDTODEVICE");
}

unsigned long long received_by_loopback() {
    std::FILE* file = std::fopen("/proc/net/dev", "r");
    check(file != nullptr);
    char line[512];
    unsigned long long bytes = 0;
    while (std::fgets(line, sizeof line, file) != nullptr && std::sscanf(line, " lo: %llu", &bytes) != 1) {
    }
    std::fclose(file);
    return bytes;
}

void interface_counters() {
    const int receiver = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in at = address_of("127.0.0.1");
    check_equal(bind(receiver, generic(at), sizeof at), 0);
    at = name_of(receiver);
    const unsigned long long before = received_by_loopback();
    std::array<char, 1000> data{};
    check_equal(sendto(sender, data.data(), data.size(), 0, generic(at), sizeof at), 1000);
    check_equal(recv(receiver, data.data(), data.size(), 0), 1000);
    check(received_by_loopback() >= before + 1028);
    close(receiver);
    close(sender);
    passed("/proc/net/dev");
}

}  // namespace

int main() {
    refused_datagrams();
    error_queue();
    all_of_loopback();
    tcp_options();
    deferred_accept();
    bound_device();
    interface_counters();
}
