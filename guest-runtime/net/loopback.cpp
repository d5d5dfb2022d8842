// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/loopback.hpp"

#include <cstring>

#include <lwip/ip.h>
#include <lwip/netif.h>

#include "guest-runtime/net/interface_counters.hpp"
#include "guest-runtime/net/lwip/hooks.h"

namespace husk::net {

void receive_own_packets() {
    for (bool found = true; found;) {
        found = false;
        netif* interface;
        NETIF_FOREACH(interface) {
            if (interface->loop_first == nullptr) continue;
            netif_poll(interface);
            found = true;
        }
    }
}

}  // namespace husk::net

// lwIP takes one address of 127/8 for its own, whichever the interface has; Linux takes all. While it looks at a
// packet, the interface has the one that the packet is for.
signed char husk_own_input(pbuf* packet, netif* interface) {
    husk::net::count_own_packet(packet->tot_len);
    ip4_addr_t kept = *netif_ip4_addr(interface);
    bool is_loopback = netif_get_index(interface) == 1;
    ip_hdr header;
    if (is_loopback && packet->len >= sizeof header) {
        std::memcpy(&header, packet->payload, sizeof header);
        ip4_addr_t to{header.dest.addr};
        if (IPH_V(&header) == 4 && ip4_addr_isloopback(&to)) ip4_addr_copy(*ip_2_ip4(&interface->ip_addr), to);
    }
    err_t taken = ip_input(packet, interface);
    ip4_addr_copy(*ip_2_ip4(&interface->ip_addr), kept);
    return taken;
}
