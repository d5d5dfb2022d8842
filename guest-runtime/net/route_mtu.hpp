// SPDX-License-Identifier: Apache-2.0
// The MTU of the way to an address, as IP_MTU tells it: how long a packet there may be, IP header included.
#pragma once

#include <cstdint>

#include <lwip/ip_addr.h>

#include "guest-runtime/base/result.hpp"

namespace husk::net {

// `interface`: the number of the one that the socket is bound to; 0: as routing says. ENETUNREACH without a way. With
// the stack's lock held.
Result<std::uint32_t> route_mtu(const ip_addr_t& from, const ip_addr_t& to, std::uint32_t interface);

}  // namespace husk::net
