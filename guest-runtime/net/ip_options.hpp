// SPDX-License-Identifier: Apache-2.0
// Options of the levels IP and IPv6 that TCP and UDP have in common.
#pragma once

#include <cstdint>
#include <span>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/net/shared_value.hpp"

namespace husk::net {

inline constexpr int level_ip = 0, level_tcp = 6, level_udp = 17, level_ipv6 = 41;

// IP_*
namespace ip_option {
inline constexpr int tos = 1, ttl = 2, options = 4, packet_info = 8, mtu_discover = 10, receive_errors = 11,
                     receive_ttl = 12, receive_tos = 13, mtu = 14, free_bind = 15, multicast_interface = 32,
                     multicast_ttl = 33, multicast_loop = 34, add_membership = 35, drop_membership = 36,
                     multicast_all = 49, bind_address_no_port = 24, local_port_range = 51;
}

// IPV6_*, and MCAST_* of both levels
namespace ipv6_option {
inline constexpr int unicast_hops = 16, multicast_interface = 17, multicast_hops = 18, multicast_loop = 19,
                     add_membership = 20, drop_membership = 21, mtu_discover = 23, mtu = 24, receive_errors = 25,
                     only_ipv6 = 26, multicast_all = 29, join_group = 42, leave_group = 45, receive_packet_info = 49,
                     receive_hop_limit = 51, receive_class = 66, traffic_class = 67;
}

struct IpOptions {
    SharedValue<std::uint8_t> hop_limit = 64;
    SharedValue<std::uint8_t> traffic_class = 0;
    SharedValue<bool> only_ipv6 = false;
    SharedValue<bool> wants_packet_info = false;
    SharedValue<bool> wants_hop_limit = false;
    SharedValue<bool> wants_class = false;
    SharedValue<bool> wants_errors = false;
    SharedValue<std::uint8_t> multicast_hops = 1;
    SharedValue<bool> multicast_loops = true;
    SharedValue<std::uint32_t> multicast_interface = 0;  // 0: as routing says

    // ENOPROTOOPT for those that are not here. `is_bound`: IPV6_V6ONLY comes too late.
    Result<> set(int level, int option, std::span<const std::byte> value, bool is_bound);
    Result<std::size_t> get(int level, int option, std::span<std::byte> to) const;
};

// IP_MTU and IPV6_MTU, which ask for what is no option: the way's.
[[nodiscard]] inline bool asks_for_mtu(int level, int option) {
    return level == level_ip ? option == ip_option::mtu : level == level_ipv6 && option == ipv6_option::mtu;
}

}  // namespace husk::net
