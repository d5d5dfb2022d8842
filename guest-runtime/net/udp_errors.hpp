// SPDX-License-Identifier: Apache-2.0
// ICMP errors on their way to UDP sockets, and out of their error queues (IP_RECVERR).
#pragma once

#include "guest-runtime/net/icmp_error.hpp"

struct pbuf;

namespace husk::net {

// Tells the socket that sent the packet. `message` is ICMP's, of the packet that lwIP works on. With the stack's lock
// held.
void tell_udp_sockets(const IcmpError& error, const pbuf& message);

}  // namespace husk::net
