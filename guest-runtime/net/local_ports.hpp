// SPDX-License-Identifier: Apache-2.0
// Source addresses and ports that the application leaves to the system. All with the stack's lock held.
#pragma once

#include <cstdint>

#include "guest-runtime/net/inet_address.hpp"

struct tcp_pcb;

namespace husk::net {

// A TCP port that no listener, bound socket or connection has; 0: none is left.
std::uint16_t unused_port();
// Gives a connection to `to` the source address and, where it is not bound, a port that no other connection between the
// two addresses has: as many connections as there are ports, for each peer. ENETUNREACH, EADDRNOTAVAIL.
Result<> choose_source(tcp_pcb& pcb, InetEndpoint& to);

}  // namespace husk::net
