// SPDX-License-Identifier: Apache-2.0
// IP_MTU and IPV6_MTU: the MTU of the way to the peer, for each kind of socket and peer, and none without a peer.
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <string>

#include "tests/guest/socket_ends.hpp"

using namespace conformance;

namespace {

constexpr int largest_of_ipv4 = 65535;  // however large the interface's is

int interface_mtu() {
    ifreq request = {};
    std::strcpy(request.ifr_name, "lo");
    const int fd = made(AF_INET, SOCK_DGRAM);
    needs(ioctl(fd, SIOCGIFMTU, &request));
    close(fd);
    return request.ifr_mtu;
}

std::string asked(int fd, int level, int option) {
    int value = -77;
    socklen_t size = sizeof value;
    if (getsockopt(fd, level, option, &value, &size) != 0) return strerrorname_np(errno);
    if (value == interface_mtu()) return "the interface's";
    return value == std::min(largest_of_ipv4, interface_mtu()) ? "IPv4's" : std::to_string(value);
}

void ask(const char* when, int fd) {
    is(when, (asked(fd, IPPROTO_IP, IP_MTU) + ", IPv6: " + asked(fd, IPPROTO_IPV6, IPV6_MTU)).c_str());
}

sockaddr_in6 loopback6() {
    sockaddr_in6 address = {};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    return address;
}

sockaddr_in6 mapped_loopback() {
    sockaddr_in6 address = loopback6();
    needs(inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.sin6_addr));
    return address;
}

template <class Address>
void datagrams(int family, Address peer, in_port_t Address::*port) {
    const int fd = made(family, SOCK_DGRAM);
    ask("no peer", fd);
    peer.*port = htons(9);
    answers("connect", connect(fd, plain(peer), sizeof peer));
    ask("with one", fd);
    const sockaddr none = {AF_UNSPEC, {}};
    answers("disconnect", connect(fd, &none, sizeof none));
    ask("no peer again", fd);
    close(fd);
}

template <class Address>
void streams(int family, Address address) {
    const int listener = made(family, SOCK_STREAM), client = made(family, SOCK_STREAM);
    needs(bind(listener, plain(address), sizeof address));
    needs(listen(listener, 4));
    ask("a listener", listener);
    ask("no peer", client);
    socklen_t size = sizeof address;
    needs(getsockname(listener, plain(address), &size));
    answers("connect", connect(client, plain(address), sizeof address));
    const auto server = static_cast<int>(needs(accept(listener, nullptr, nullptr)));
    ask("the connected one", client);
    ask("the accepted one", server);
    close(server);
    until(client, POLLRDHUP);
    ask("the peer has closed", client);
    close(client);
    close(listener);
}

void setting() {
    const int udp = made(AF_INET, SOCK_DGRAM), udp6 = made(AF_INET6, SOCK_DGRAM);
    const int values[] = {0, 1, 1279, 1280, 1500, -1};
    for (const int value : values) answers("IP_MTU", setsockopt(udp, IPPROTO_IP, IP_MTU, &value, sizeof value));
    for (const int value : values) answers("IPV6_MTU", setsockopt(udp6, IPPROTO_IPV6, IPV6_MTU, &value, sizeof value));
    answers("IPV6_MTU, too short", setsockopt(udp6, IPPROTO_IPV6, IPV6_MTU, &values[3], 2));
    answers("IPV6_MTU of IPv4", setsockopt(udp, IPPROTO_IPV6, IPV6_MTU, &values[3], sizeof values[3]));
    close(udp);
    close(udp6);
}

}  // namespace

int main() {
    scenario(SYS_getsockopt, "MTU: UDP", [] { datagrams(AF_INET, loopback(), &sockaddr_in::sin_port); });
    scenario(SYS_getsockopt, "MTU: UDP over IPv6", [] { datagrams(AF_INET6, loopback6(), &sockaddr_in6::sin6_port); });
    scenario(SYS_getsockopt, "MTU: UDP to a mapped address",
             [] { datagrams(AF_INET6, mapped_loopback(), &sockaddr_in6::sin6_port); });
    scenario(SYS_getsockopt, "MTU: TCP", [] { streams(AF_INET, loopback()); });
    scenario(SYS_getsockopt, "MTU: TCP over IPv6", [] { streams(AF_INET6, loopback6()); });
    scenario(SYS_getsockopt, "MTU: TCP to a mapped address", [] { streams(AF_INET6, mapped_loopback()); });
    scenario(SYS_setsockopt, "MTU: set", setting);
}
