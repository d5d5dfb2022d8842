// SPDX-License-Identifier: Apache-2.0
// Socket options that servers, clients and their libraries set: what is taken, and what is read back of it, for each
// kind of socket. Of those whose default is a setting of the machine only what was set counts.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <span>
#include <string>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

// What of an option is a setting of the machine, and not printed.
enum class Machines { nothing, standard, standard_and_most };

struct Option {
    const char* name;
    int level, number;
    Machines machines = Machines::nothing;
};

// Newer than Debian 12's headers of the C library.
constexpr int so_prefer_busy_poll = 69;

constexpr Option of_all[] = {
    {"SO_DEBUG", SOL_SOCKET, SO_DEBUG},
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR},
    {"SO_TYPE", SOL_SOCKET, SO_TYPE},
    {"SO_ERROR", SOL_SOCKET, SO_ERROR},
    {"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE},
    {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST},
    {"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, Machines::standard_and_most},
    {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, Machines::standard_and_most},
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE},
    {"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE},
    {"SO_NO_CHECK", SOL_SOCKET, SO_NO_CHECK},
    {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY},
    {"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, Machines::standard_and_most},
    {"SO_SNDLOWAT", SOL_SOCKET, SO_SNDLOWAT},
    {"SO_ACCEPTCONN", SOL_SOCKET, SO_ACCEPTCONN},
    {"SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP},
    {"SO_TIMESTAMPNS", SOL_SOCKET, SO_TIMESTAMPNS},
    {"SO_MARK", SOL_SOCKET, SO_MARK},
    {"SO_PROTOCOL", SOL_SOCKET, SO_PROTOCOL},
    {"SO_DOMAIN", SOL_SOCKET, SO_DOMAIN},
    {"SO_RXQ_OVFL", SOL_SOCKET, SO_RXQ_OVFL},
    {"SO_BUSY_POLL", SOL_SOCKET, SO_BUSY_POLL},
    {"SO_MAX_PACING_RATE", SOL_SOCKET, SO_MAX_PACING_RATE},
    {"SO_INCOMING_CPU", SOL_SOCKET, SO_INCOMING_CPU},
    {"SO_INCOMING_NAPI_ID", SOL_SOCKET, SO_INCOMING_NAPI_ID},
    {"SO_BINDTOIFINDEX", SOL_SOCKET, SO_BINDTOIFINDEX},
    {"SO_PREFER_BUSY_POLL", SOL_SOCKET, so_prefer_busy_poll},
};
constexpr Option of_tcp[] = {
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY},
    {"TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG, Machines::standard},
    {"TCP_CORK", IPPROTO_TCP, TCP_CORK},
    {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, Machines::standard},
    {"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, Machines::standard},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, Machines::standard},
    {"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, Machines::standard},
    {"TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, Machines::standard},
    {"TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {"TCP_WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP, Machines::standard_and_most},
    {"TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK},
    {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT},
    {"TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN},
    {"TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT, Machines::standard},
    {"TCP_FASTOPEN_CONNECT", IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
    {"an unknown one", IPPROTO_TCP, 999},
};
constexpr Option of_ip[] = {
    {"IP_TOS", IPPROTO_IP, IP_TOS},
    {"IP_TTL", IPPROTO_IP, IP_TTL},
    {"IP_PKTINFO", IPPROTO_IP, IP_PKTINFO},
    {"IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER},
    {"IP_RECVERR", IPPROTO_IP, IP_RECVERR},
    {"IP_RECVTTL", IPPROTO_IP, IP_RECVTTL},
    {"IP_RECVTOS", IPPROTO_IP, IP_RECVTOS},
    {"IP_FREEBIND", IPPROTO_IP, IP_FREEBIND},
    {"IP_BIND_ADDRESS_NO_PORT", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT},
    {"an unknown one of IP", IPPROTO_IP, 999},
};
constexpr Option of_ipv6[] = {
    {"IPV6_V6ONLY", IPPROTO_IPV6, IPV6_V6ONLY},
    {"IPV6_UNICAST_HOPS", IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {"IPV6_MTU_DISCOVER", IPPROTO_IPV6, IPV6_MTU_DISCOVER},
    {"IPV6_RECVERR", IPPROTO_IPV6, IPV6_RECVERR},
    {"IPV6_RECVPKTINFO", IPPROTO_IPV6, IPV6_RECVPKTINFO},
    {"IPV6_RECVHOPLIMIT", IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
    {"IPV6_RECVTCLASS", IPPROTO_IPV6, IPV6_RECVTCLASS},
    {"IPV6_TCLASS", IPPROTO_IPV6, IPV6_TCLASS},
    {"an unknown one of IPv6", IPPROTO_IPV6, 999},
};
constexpr Option of_multicast[] = {
    {"IP_MULTICAST_TTL", IPPROTO_IP, IP_MULTICAST_TTL},
    {"IP_MULTICAST_LOOP", IPPROTO_IP, IP_MULTICAST_LOOP},
    {"IP_MULTICAST_ALL", IPPROTO_IP, IP_MULTICAST_ALL},
};
constexpr Option of_multicast6[] = {
    {"IPV6_MULTICAST_HOPS", IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
    {"IPV6_MULTICAST_LOOP", IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
};

std::string now(int fd, const Option& option) {
    int value = -1;
    socklen_t size = sizeof value;
    if (getsockopt(fd, option.level, option.number, &value, &size) != 0) return strerrorname_np(errno);
    if (size == 1) value &= 0xff;
    return std::to_string(value) + (size == sizeof value ? "" : " in " + std::to_string(size));
}

void ask(int fd, std::span<const Option> options) {
    for (const Option& option : options) {
        const bool has_own_standard = option.machines == Machines::nothing;
        std::string line = has_own_standard ? now(fd, option) : "set";
        for (const int value : {1, 0, 5, 3000, -1}) {
            if (value < 0 && option.machines == Machines::standard_and_most) continue;
            const bool is_taken = setsockopt(fd, option.level, option.number, &value, sizeof value) == 0;
            line += " | " + std::to_string(value) + ": " + (is_taken ? "" : std::string(strerrorname_np(errno)) + ", ");
            line += is_taken || has_own_standard ? now(fd, option) : "the same";
        }
        is(option.name, line.c_str());
    }
}

int made(int family, int type) { return static_cast<int>(needs(socket(family, type, 0))); }

// The value of what a listener was told, before it listened, in the connection that it accepts.
void what_is_inherited() {
    const int listener = made(AF_INET, SOCK_STREAM), client = made(AF_INET, SOCK_STREAM), one = 1;
    constexpr Option integers[] = {
        {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE},
        {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR},
        {"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE},
        {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY},
        {"SO_BUSY_POLL", SOL_SOCKET, SO_BUSY_POLL},
        {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY},
        {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE},
        {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT},
        {"IP_TTL", IPPROTO_IP, IP_TTL},
        {"IP_FREEBIND", IPPROTO_IP, IP_FREEBIND},
        {"TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    };
    for (const Option& option : integers) needs(setsockopt(listener, option.level, option.number, &one, sizeof one));
    const linger wait{1, 7};
    const timeval limit{3, 0};
    needs(setsockopt(listener, SOL_SOCKET, SO_LINGER, &wait, sizeof wait));
    needs(setsockopt(listener, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // SAFETY: the address of a sockaddr_in, which is what its family says it is.
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    needs(bind(listener, plain, size));
    needs(listen(listener, 5));
    needs(getsockname(listener, plain, &size));
    needs(connect(client, plain, size));
    const auto accepted = static_cast<int>(needs(accept(listener, nullptr, nullptr)));
    for (const Option& option : integers) is(option.name, now(accepted, option).c_str());
    linger got_linger{};
    timeval got_limit{};
    needs(getsockopt(accepted, SOL_SOCKET, SO_LINGER, &got_linger, &(size = sizeof got_linger)));
    is("SO_LINGER", got_linger.l_linger);
    needs(getsockopt(accepted, SOL_SOCKET, SO_SNDTIMEO, &got_limit, &(size = sizeof got_limit)));
    is("SO_SNDTIMEO", got_limit.tv_sec);
    for (const int fd : {listener, client, accepted}) close(fd);
}

// To an address that is not this machine's.
void binding_freely() {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const int fd = made(AF_INET, type), one = 1;
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(0xc0000201);  // 192.0.2.1: of documentation
        // SAFETY: as above.
        const auto* plain = reinterpret_cast<const sockaddr*>(&address);
        answers("without", bind(fd, plain, sizeof address));
        needs(setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof one));
        answers("with IP_FREEBIND", bind(fd, plain, sizeof address));
        close(fd);
    }
}

// A name that no kernel has.
void congestion_control() {
    const int tcp = made(AF_INET, SOCK_STREAM);
    answers("reno", setsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    answers("nonsense", setsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, "nonsense", 8));
    char name[16]{};
    socklen_t size = sizeof name;
    answers("read", getsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, name, &size));
    is("it is", name);
    is("of bytes", size);
    close(tcp);
}

}  // namespace

int main() {
    scenario(SYS_setsockopt, "options of TCP over IPv4, and what is read back", [] {
        const int tcp = made(AF_INET, SOCK_STREAM);
        ask(tcp, of_all);
        ask(tcp, of_tcp);
        ask(tcp, of_ip);
        ask(tcp, of_ipv6);
        close(tcp);
    });
    scenario(SYS_setsockopt, "options of TCP over IPv6", [] {
        // Of each level on a socket of its own: the guest keeps one value for both where Linux has two.
        const int first = made(AF_INET6, SOCK_STREAM), second = made(AF_INET6, SOCK_STREAM);
        ask(first, of_ip);
        ask(second, of_ipv6);
        close(first);
        close(second);
    });
    scenario(SYS_setsockopt, "options of UDP", [] {
        const int udp = made(AF_INET, SOCK_DGRAM), udp6 = made(AF_INET6, SOCK_DGRAM);
        ask(udp, of_all);
        ask(udp, of_tcp);
        ask(udp, of_ip);
        ask(udp, of_multicast);
        ask(udp6, of_ipv6);
        ask(udp6, of_multicast6);
        close(udp);
        close(udp6);
    });
    scenario(SYS_setsockopt, "options of UNIX-domain sockets", [] {
        const int stream = made(AF_UNIX, SOCK_STREAM), datagrams = made(AF_UNIX, SOCK_DGRAM);
        ask(stream, of_all);
        ask(stream, of_tcp);
        ask(datagrams, of_all);
        close(stream);
        close(datagrams);
    });
    scenario(SYS_accept, "what a connection inherits", what_is_inherited);
    scenario(SYS_bind, "an address of another machine", binding_freely);
    scenario(SYS_setsockopt, "TCP_CONGESTION", congestion_control);
}
