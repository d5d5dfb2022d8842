// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/route_mtu.hpp"

#include <algorithm>

#include <lwip/ip.h>
#include <lwip/nd6.h>

#include "guest-runtime/net/interfaces.hpp"

namespace husk::net {

namespace {

// What is for this machine itself does not pass its Ethernet, whose MTU is another.
bool is_own(const ip_addr_t& address, netif& interface) {
    if (IP_IS_V6_VAL(address)) return netif_get_ip6_addr_match(&interface, ip_2_ip6(&address)) >= 0;
    return ip4_addr_cmp(ip_2_ip4(&address), netif_ip4_addr(&interface)) || ip4_addr_isloopback(ip_2_ip4(&address));
}

}  // namespace

Result<std::uint32_t> route_mtu(const ip_addr_t& from, const ip_addr_t& to, std::uint32_t interface) {
    constexpr std::uint32_t longest_ipv4 = 65535;
    if (interface > UINT8_MAX) return Errno::enetunreach;
    netif* way = interface != NETIF_NO_INDEX ? netif_get_by_index(static_cast<u8_t>(interface)) : ip_route(&from, &to);
    if (way == nullptr) return Errno::enetunreach;
    if (is_own(to, *way)) way = netif_get_by_index(loopback_number);
    if (!IP_IS_V6_VAL(to)) return std::min(mtu_of(*way), longest_ipv4);
    // Routers tell the MTU behind them (ICMPv6: packet too big).
    return way->mtu != 0 ? nd6_get_destination_mtu(ip_2_ip6(&to), way) : mtu_of(*way);
}

}  // namespace husk::net
