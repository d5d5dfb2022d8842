// SPDX-License-Identifier: Apache-2.0
// Packets on their way through lwIP, where Husk looks at them first: TCP's find their connection's list, ICMP's errors
// their socket.
#include <array>
#include <cstring>

#include <lwip/icmp.h>
#include <lwip/icmp6.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip.h>
#include <lwip/priv/tcp_priv.h>

#include "guest-runtime/net/icmp_error.hpp"
#include "guest-runtime/net/lwip/hooks.h"
#include "guest-runtime/net/tcp_endpoint.hpp"
#include "guest-runtime/net/tcp_table.hpp"
#include "guest-runtime/net/udp_errors.hpp"

namespace husk::net {

namespace {

void tell_connection(const IcmpError& error) {
    BucketScope scope(connection_hash(error.local.address, error.local.port, error.remote.address, error.remote.port));
    for (tcp_pcb* pcb = tcp_active_pcbs; pcb != nullptr; pcb = pcb->next) {
        if (pcb->local_port != error.local.port || pcb->remote_port != error.remote.port ||
            !ip_addr_cmp_zoneless(&pcb->local_ip, &error.local.address) ||
            !ip_addr_cmp_zoneless(&pcb->remote_ip, &error.remote.address)) {
            continue;
        }
        // Whoever does not see the connection's packets cannot know the number.
        bool is_in_flight = TCP_SEQ_BETWEEN(error.sequence, pcb->lastack, pcb->snd_nxt);
        TcpEndpoint* end = TcpEndpoint::of(*pcb);
        if (is_in_flight && end != nullptr) end->on_unreachable(error.error);
        return;
    }
}

u16_t checksum_of(const pbuf& message, bool is_ipv6) {
    auto* whole = const_cast<pbuf*>(&message);
    if (!is_ipv6) return inet_chksum_pbuf(whole);
    return ip6_chksum_pseudo(whole, IP6_NEXTH_ICMP6, message.tot_len, ip6_current_src_addr(), ip6_current_dest_addr());
}

void look_for_error(const pbuf& message, const netif& interface, bool is_ipv6) {
    std::array<std::byte, icmp_error_bytes> head;
    u16_t size = pbuf_copy_partial(&message, head.data(), head.size(), 0);
    auto error = parse_icmp_error(std::span(head).first(size), is_ipv6);
    if (!error) return;
    // The packet was sent from the address that hears of it.
    if (!ip_addr_cmp_zoneless(&error->local.address, ip_current_dest_addr())) return;
    // What never leaves memory has none.
    constexpr u16_t checks = NETIF_CHECKSUM_CHECK_ICMP | NETIF_CHECKSUM_CHECK_ICMP6;
    if ((interface.chksum_flags & checks) != 0 && checksum_of(message, is_ipv6) != 0) return;
    if (error->protocol == IP_PROTO_TCP) {
        tell_connection(*error);
    } else {
        tell_udp_sockets(*error, message);
    }
}

}  // namespace

}  // namespace husk::net

void husk_tcp_input(pbuf* packet, netif* interface) {
    if (packet->len < TCP_HLEN) {
        pbuf_free(packet);
        return;
    }
    tcp_hdr header;
    std::memcpy(&header, packet->payload, sizeof header);
    husk::net::BucketScope scope(husk::net::connection_hash(*ip_current_dest_addr(), lwip_ntohs(header.dest),
                                                            *ip_current_src_addr(), lwip_ntohs(header.src)));
    tcp_input(packet, interface);
}

void husk_icmp_input(pbuf* packet, netif* interface) {
    husk::net::look_for_error(*packet, *interface, false);
    icmp_input(packet, interface);
}

void husk_icmp6_input(pbuf* packet, netif* interface) {
    husk::net::look_for_error(*packet, *interface, true);
    icmp6_input(packet, interface);
}

void husk_tcp_netif_ip_addr_changed(const ip_addr_t* old_address, const ip_addr_t* new_address) {
    tcp_netif_ip_addr_changed(old_address, new_address);
    // lwIP has found bound sockets and listeners; the connections are elsewhere.
    auto end_connections = [](const void* old) {
        tcp_netif_ip_addr_changed(static_cast<const ip_addr_t*>(old), nullptr);
    };
    husk::net::visit_buckets(end_connections, old_address);
}
