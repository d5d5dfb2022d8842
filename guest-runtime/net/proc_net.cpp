// SPDX-License-Identifier: Apache-2.0
// The files of /proc/net, in Linux's form.
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/udp.h>

#include "guest-runtime/fs/network_facts.hpp"
#include "guest-runtime/net/interface_counters.hpp"
#include "guest-runtime/net/interfaces.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/tcp_table.hpp"

namespace husk::fs::facts {

namespace {

using net::StackGuard;

// Linux's numbers for lwIP's states, in lwIP's order.
constexpr unsigned linux_state[] = {7, 10, 2, 3, 1, 4, 5, 8, 11, 9, 6};
constexpr unsigned unconnected = 7;

bool belongs(const ip_addr_t& address, bool is_ipv6) { return IP_IS_V4_VAL(address) != is_ipv6; }

void write_word(Text& to, std::uint32_t word) { to.hex(word, 8); }

void write_end(Text& to, const ip_addr_t& address, unsigned port, bool is_ipv6) {
    if (is_ipv6) {
        for (std::uint32_t word : ip_2_ip6(&address)->addr) write_word(to, word);
    } else {
        write_word(to, ip_2_ip4(&address)->addr);
    }
    to.text(":").hex(port, 4);
}

void write_row(Text& to, unsigned number, const ip_addr_t& local, unsigned local_port, const ip_addr_t& remote,
               unsigned remote_port, unsigned state, bool is_ipv6) {
    to.decimal(number, 4).text(": ");
    write_end(to, local, local_port, is_ipv6);
    to.text(" ");
    write_end(to, remote, remote_port, is_ipv6);
    to.text(" ").hex(state, 2).text(" 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000\n");
}

constexpr std::string_view table_head =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

}  // namespace

void write_interfaces(Text& to) {
    net::start_stack();
    to.text(
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
        "carrier compressed\n");
    StackGuard guard;
    netif* interface;
    NETIF_FOREACH(interface) {
        net::InterfaceName name = net::name_of(*interface);
        for (std::size_t i = name.view().size(); i < 6; ++i) to.text(" ");
        to.text(name.view()).text(":");
        const net::InterfaceCounters& all = net::counters_of(*interface);
        for (std::uint64_t count : {all.received_bytes, all.received_packets, std::uint64_t{0}, all.received_drops,
                                    std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{0}, all.received_multicast,
                                    all.sent_bytes, all.sent_packets, std::uint64_t{0}, all.sent_drops}) {
            to.text(" ").decimal(count, 7);
        }
        for (int i = 0; i < 4; ++i) to.text(" ").decimal(0, 4);
        to.text("\n");
    }
}

void write_ipv6_addresses(Text& to) {
    net::start_stack();
    StackGuard guard;
    netif* interface;
    NETIF_FOREACH(interface) {
        for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; ++i) {
            if (!ip6_addr_isvalid(netif_ip6_addr_state(interface, i))) continue;
            const ip6_addr_t* address = netif_ip6_addr(interface, i);
            for (std::uint32_t word : address->addr) to.hex(__builtin_bswap32(word), 8);
            bool is_local = ip6_addr_isloopback(address), is_link = ip6_addr_islinklocal(address);
            to.text(" ")
                .hex(netif_get_index(interface), 2)
                .text(is_local  ? " 80 10 80 "
                      : is_link ? " 40 20 80 "
                                : " 40 00 80 ");
            to.text(net::name_of(*interface).view()).text("\n");
        }
    }
}

void write_tcp_connections(Text& to, bool is_ipv6) {
    net::start_stack();
    to.text(table_head);
    StackGuard guard;
    unsigned number = 0;
    const ip_addr_t none{};
    for (const tcp_pcb_listen* pcb = tcp_listen_pcbs.listen_pcbs; pcb != nullptr; pcb = pcb->next) {
        if (!belongs(pcb->local_ip, is_ipv6)) continue;
        write_row(to, number++, pcb->local_ip, pcb->local_port, none, 0, linux_state[LISTEN], is_ipv6);
    }
    auto row = [&](const tcp_pcb& pcb) {
        if (!belongs(pcb.local_ip, is_ipv6)) return;
        write_row(to, number++, pcb.local_ip, pcb.local_port, pcb.remote_ip, pcb.remote_port, linux_state[pcb.state],
                  is_ipv6);
    };
    net::for_each_connection(row);
    for (const tcp_pcb* pcb = tcp_tw_pcbs; pcb != nullptr; pcb = pcb->next) row(*pcb);
}

void write_udp_sockets(Text& to, bool is_ipv6) {
    net::start_stack();
    to.text(table_head);
    StackGuard guard;
    unsigned number = 0;
    for (const udp_pcb* pcb = udp_pcbs; pcb != nullptr; pcb = pcb->next) {
        if (!belongs(pcb->local_ip, is_ipv6)) continue;
        write_row(to, number++, pcb->local_ip, pcb->local_port, pcb->remote_ip, pcb->remote_port, unconnected, is_ipv6);
    }
}

void write_routes(Text& to) {
    net::start_stack();
    to.text("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n");
    StackGuard guard;
    netif* interface;
    auto row = [&to](const netif& of, std::uint32_t destination, std::uint32_t gateway, unsigned flags,
                     std::uint32_t mask) {
        to.text(net::name_of(of).view()).text("\t").hex(destination, 8).text("\t").hex(gateway, 8).text("\t");
        to.hex(flags, 4).text("\t0\t0\t0\t").hex(mask, 8).text("\t0\t0\t0\n");
    };
    constexpr unsigned up = 1, by_gateway = 2;
    NETIF_FOREACH(interface) {
        std::uint32_t own = netif_ip4_addr(interface)->addr, mask = netif_ip4_netmask(interface)->addr;
        std::uint32_t gateway = netif_ip4_gw(interface)->addr;
        if (own == 0 || netif_get_index(interface) == 1) continue;
        if (gateway != 0) row(*interface, 0, gateway, up | by_gateway, 0);
        row(*interface, own & mask, 0, up, mask);
    }
}

}  // namespace husk::fs::facts
