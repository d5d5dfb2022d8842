// SPDX-License-Identifier: Apache-2.0
// The name servers that settings or DHCP told of: what /proc/net/pnp, and so /etc/resolv.conf, says.
#pragma once

#include <cstddef>

#include <lwip/ip_addr.h>

namespace husk::net {

inline constexpr std::size_t most_name_servers = 3;  // as many as a resolver asks

// With the stack's lock held. Unspecified addresses in between are free places.
const ip_addr_t& name_server(std::size_t index);

}  // namespace husk::net
