// SPDX-License-Identifier: Apache-2.0
// How long a TCP connection waits for a peer that does not answer, as Linux does, and what it is told then.
#include <algorithm>
#include <span>

#include <lwip/etharp.h>
#include <lwip/ip.h>
#include <lwip/priv/nd6_priv.h>
#include <lwip/priv/tcp_priv.h>

#include "guest-runtime/net/tcp_endpoint.hpp"

namespace husk::net {

namespace {

constexpr std::uint32_t ticks_per_second = 1000 / TCP_SLOW_INTERVAL;
// 15 retransmissions from 200 ms on (net.ipv4.tcp_retries2); 8 when nobody holds the socket any longer.
constexpr std::uint32_t longest_stall_ticks = 924 * ticks_per_second,
                        longest_orphan_stall_ticks = 102 * ticks_per_second;
// Three questions for a neighbour's address, a second apart, have had no answer.
constexpr std::uint32_t neighbour_ticks = 3 * ticks_per_second;
constexpr std::uint32_t first_syn_ticks = LWIP_TCP_RTO_TIME / TCP_SLOW_INTERVAL;
constexpr unsigned most_doublings = 7;  // up to Linux's 120 s

bool lacks_neighbour4(netif& route, const ip4_addr_t& to) {
    if ((route.flags & NETIF_FLAG_ETHARP) == 0 || ip4_addr_ismulticast(&to) || ip4_addr_isbroadcast(&to, &route)) {
        return false;
    }
    bool is_direct =
        ip4_addr_netcmp(&to, netif_ip4_addr(&route), netif_ip4_netmask(&route)) || ip4_addr_islinklocal(&to);
    const ip4_addr_t& hop = is_direct ? to : *netif_ip4_gw(&route);
    eth_addr* hardware;
    const ip4_addr_t* address;
    return etharp_find_addr(&route, &hop, &hardware, &address) < 0;
}

bool lacks_neighbour6(const netif& route, const ip6_addr_t& to) {
    if ((route.flags & NETIF_FLAG_ETHARP) == 0 || ip6_addr_ismulticast(&to)) return false;
    for (const nd6_destination_cache_entry& way : std::span(destination_cache, LWIP_ND6_NUM_DESTINATIONS)) {
        if (!ip6_addr_cmp(&way.destination_addr, &to)) continue;
        for (const nd6_neighbor_cache_entry& neighbour : std::span(neighbor_cache, LWIP_ND6_NUM_NEIGHBORS)) {
            if (neighbour.state > ND6_INCOMPLETE && ip6_addr_cmp(&neighbour.next_hop_address, &way.next_hop_addr)) {
                return false;
            }
        }
        return true;
    }
    return false;
}

// The peer, or the router to it, does not say where it is.
bool lacks_neighbour(const tcp_pcb& pcb) {
    netif* route =
        pcb.netif_idx != NETIF_NO_INDEX ? netif_get_by_index(pcb.netif_idx) : ip_route(&pcb.local_ip, &pcb.remote_ip);
    if (route == nullptr || ip_addr_cmp(&pcb.local_ip, &pcb.remote_ip)) return false;
    return IP_IS_V6_VAL(pcb.remote_ip) ? lacks_neighbour6(*route, *ip_2_ip6(&pcb.remote_ip))
                                       : lacks_neighbour4(*route, *ip_2_ip4(&pcb.remote_ip));
}

}  // namespace

TcpEndpoint* TcpEndpoint::of(const tcp_pcb& pcb) { return static_cast<TcpEndpoint*>(tcp_ext_arg_get(&pcb, 0)); }

void TcpEndpoint::on_unreachable(Errno error) {
    soft_error_ = static_cast<int>(error);
    if (pcb_ != nullptr && pcb_->state == SYN_SENT) tcp_abandon(pcb_, 0);
}

bool TcpEndpoint::has_waited_too_long(tcp_pcb& pcb) {
    if (pcb.state == SYN_SENT) {
        // lwIP would ask at the same interval for ever.
        pcb.rto = static_cast<s16_t>(first_syn_ticks << std::min<unsigned>(pcb.nrtx, most_doublings));
        if (tcp_ticks - pcb.tmr >= neighbour_ticks && lacks_neighbour(pcb)) {
            soft_error_ = static_cast<int>(Errno::ehostunreach);
            return true;
        }
        if (pcb.nrtx >= settings_.syn_retries && pcb.rtime + 1 >= pcb.rto) return true;
    }
    // lwIP forgets a connection in LAST-ACK that hears nothing for two seconds, with whatever it had to send.
    if (pcb.state == LAST_ACK) pcb.tmr = tcp_ticks;
    std::uint32_t limit = is_closed_ ? longest_orphan_stall_ticks : longest_stall_ticks;
    if (std::uint32_t own = settings_.user_timeout_ms / TCP_SLOW_INTERVAL) {
        limit = own;
        if (pcb.keep_cnt_sent != 0 && tcp_ticks - pcb.tmr >= own) return true;
    }
    if (pcb.nrtx == 0 && pcb.persist_probe == 0) {
        stalled_since_ticks_ = 0;
        return false;
    }
    // What has just been sent again was sent first about as long ago as it will now wait, or half of it.
    if (stalled_since_ticks_ == 0)
        stalled_since_ticks_ = std::max<std::uint32_t>(tcp_ticks - static_cast<std::uint32_t>(pcb.rto) / 2, 1);
    if (tcp_ticks - stalled_since_ticks_ < limit) return false;
    // Linux tells of the last ICMP error instead of a time-out; nobody answers for a neighbour that is gone.
    if (soft_error_ == 0 && lacks_neighbour(pcb)) soft_error_ = static_cast<int>(Errno::ehostunreach);
    return true;
}

void TcpEndpoint::lose_patience() {
    for (tcp_pcb* pcb = tcp_active_pcbs; pcb != nullptr;) {
        tcp_pcb* next = pcb->next;
        TcpEndpoint* end = of(*pcb);
        if (end != nullptr && end->has_waited_too_long(*pcb)) {
            tcp_abandon(pcb, 0);
        } else if (end != nullptr && end->deferred_for_ &&
                   static_cast<std::int32_t>(tcp_ticks - end->deferred_until_ticks_) >= 0) {
            end->announce_deferred();
        }
        pcb = next;
    }
}

}  // namespace husk::net
