// SPDX-License-Identifier: Apache-2.0
// Source addresses and ports that the application leaves to the system, and which may be had side by side. All with the
// stack's lock held.
#pragma once

#include <cstdint>

#include "guest-runtime/net/inet_address.hpp"

struct tcp_pcb;

namespace husk::net {

// Whether a packet could be for both addresses. That of any type is the wildcard of both families, as of an IPv6 socket
// without IPV6_V6ONLY.
bool overlap(const ip_addr_t& a, const ip_addr_t& b);
// A TCP port that no listener, bound socket or connection has; 0: none is left.
std::uint16_t unused_port();
// Gives a connection to `to` the source address and, where it is not bound, a port that no other connection between the
// two addresses has: as many connections as there are ports, for each peer. ENETUNREACH, EADDRNOTAVAIL.
Result<> choose_source(tcp_pcb& pcb, InetEndpoint& to);

}  // namespace husk::net
