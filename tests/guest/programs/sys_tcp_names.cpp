// SPDX-License-Identifier: Apache-2.0
// Addresses of internet sockets: bind, connect and accept, both families at one port, interfaces.
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "tests/guest/inet_ends.hpp"

using namespace guest_test;

namespace {

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
    connecting();
    passed("connect and accept");
    binding();
    passed("bind");
    restarting();
    passed("binding again after TIME_WAIT");
    ipv6();
    passed("IPv6 and both families");
    interfaces();
    passed("interfaces");
}
