// SPDX-License-Identifier: Apache-2.0
// Which family and type makes which kind of socket.
#include "guest-runtime/net/netlink_socket.hpp"
#include "guest-runtime/net/socket.hpp"
#include "guest-runtime/net/tcp_socket.hpp"
#include "guest-runtime/net/udp_socket.hpp"
#include "guest-runtime/net/unix_socket.hpp"

namespace husk::net {

namespace {

Result<SocketType> unix_type(int type, int protocol) {
    constexpr int protocol_unix = 1;  // PF_UNIX itself is taken for a protocol
    if (protocol != 0 && protocol != protocol_unix) return Errno::eprotonosupport;
    switch (type) {
        case static_cast<int>(SocketType::stream):
        case static_cast<int>(SocketType::sequenced):
            return static_cast<SocketType>(type);
        case static_cast<int>(SocketType::datagram):
        case static_cast<int>(SocketType::raw):  // Linux makes datagrams of it
            return SocketType::datagram;
        default:
            return Errno::esocktnosupport;
    }
}

Result<RefPtr<Socket>> create_internet_socket(Family family, int type, int protocol, std::uint32_t flags) {
    switch (type) {
        case static_cast<int>(SocketType::stream):
            if (protocol != 0 && protocol != level_tcp) return Errno::eprotonosupport;
            return make_tcp_socket(family, flags);
        case static_cast<int>(SocketType::datagram):
            if (protocol != 0 && protocol != level_udp) return Errno::eprotonosupport;
            return make_udp_socket(family, flags);
        default:
            return Errno::esocktnosupport;
    }
}

}  // namespace

Result<RefPtr<Socket>> create_socket(int family, int type, int protocol, std::uint32_t flags) {
    switch (static_cast<Family>(family)) {
        case Family::local:
            return make_unix_socket(HUSK_TRY(unix_type(type, protocol)), flags);
        case Family::inet:
        case Family::inet6:
            return create_internet_socket(static_cast<Family>(family), type, protocol, flags);
        case Family::netlink:
            if (type != static_cast<int>(SocketType::raw) && type != static_cast<int>(SocketType::datagram)) {
                return Errno::esocktnosupport;
            }
            return make_netlink_socket(static_cast<SocketType>(type), protocol, flags);
        default:
            return Errno::eafnosupport;
    }
}

Result<SocketPair> create_socket_pair(int family, int type, int protocol, std::uint32_t flags) {
    if (static_cast<Family>(family) != Family::local) return Errno::eopnotsupp;
    return make_unix_socket_pair(HUSK_TRY(unix_type(type, protocol)), flags);
}

}  // namespace husk::net
