// SPDX-License-Identifier: Apache-2.0
// Internet addresses between the application's sockaddr_in and sockaddr_in6 and lwIP's.
#pragma once

#include <lwip/ip_addr.h>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/net/message.hpp"

namespace husk::net {

struct InetEndpoint {
    ip_addr_t address;
    std::uint16_t port;
};

// What a socket of `family` may send to. IPv4-mapped addresses become IPv4, the unspecified one of IPv6 a
// wildcard for both families unless `only_ipv6`. EINVAL for a short one, EAFNOSUPPORT for another family, ENETUNREACH
// for a mapped one on a socket that is `only_ipv6`.
Result<InetEndpoint> inet_endpoint(const Address& address, Family family, bool only_ipv6);
// What it may bind to: the same, but EINVAL instead of ENETUNREACH.
Result<InetEndpoint> own_endpoint(const Address& address, Family family, bool only_ipv6);
// As the application of a socket of `family` sees it: IPv4 on an IPv6 socket is mapped.
Address inet_address(const ip_addr_t& address, std::uint16_t port, Family family);
// The unspecified address as a destination means this machine.
void make_definite(ip_addr_t& address, bool is_ipv6);
PacketInfo packet_info_of(const ip_addr_t& address, std::uint32_t interface);
// False when it names none.
bool source_of(const PacketInfo& info, ip_addr_t& address);
// Whether an interface has that address, or it is a wildcard, a multicast or broadcast address.
bool may_bind_to(const ip_addr_t& address);

}  // namespace husk::net
