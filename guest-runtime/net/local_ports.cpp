// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/local_ports.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include <lwip/ip.h>
#include <lwip/priv/tcp_priv.h>

#include "guest-runtime/base/random.hpp"
#include "guest-runtime/net/tcp_table.hpp"

namespace husk::net {

namespace {

constexpr std::uint32_t first_port = 32768, port_count = 28232;  // net.ipv4.ip_local_port_range

std::uint32_t random_number() { return husk_lwip_random(); }

bool is_claimed(std::uint16_t port) {
    for (const tcp_pcb_listen* pcb = tcp_listen_pcbs.listen_pcbs; pcb != nullptr; pcb = pcb->next) {
        if (pcb->local_port == port) return true;
    }
    for (const tcp_pcb* pcb = tcp_bound_pcbs; pcb != nullptr; pcb = pcb->next) {
        if (pcb->local_port == port) return true;
    }
    return false;
}

bool is_between(const tcp_pcb& pcb, const tcp_pcb& of, std::uint16_t port, const InetEndpoint& to) {
    return pcb.local_port == port && pcb.remote_port == to.port && ip_addr_cmp(&pcb.remote_ip, &to.address) &&
           ip_addr_cmp(&pcb.local_ip, &of.local_ip);
}

bool is_taken(const tcp_pcb& of, std::uint16_t port, const InetEndpoint& to) {
    if (is_claimed(port)) return true;
    for (const tcp_pcb* pcb = tcp_tw_pcbs; pcb != nullptr; pcb = pcb->next) {
        if (is_between(*pcb, of, port, to)) return true;
    }
    std::uint32_t bucket = connection_hash(of.local_ip, port, to.address, to.port) & (table::bucket_count() - 1);
    for (tcp_pcb* pcb = table::first_of(bucket); pcb != nullptr; pcb = table::next_of(*pcb)) {
        if (is_between(*pcb, of, port, to)) return true;
    }
    return false;
}

}  // namespace

bool overlap(const ip_addr_t& a, const ip_addr_t& b) {
    bool any_a = ip_addr_isany_val(a) || IP_IS_ANY_TYPE_VAL(a), any_b = ip_addr_isany_val(b) || IP_IS_ANY_TYPE_VAL(b);
    if (IP_IS_ANY_TYPE_VAL(a) || IP_IS_ANY_TYPE_VAL(b)) return true;
    if (IP_IS_V6_VAL(a) != IP_IS_V6_VAL(b)) return false;
    return any_a || any_b || ip_addr_cmp(&a, &b);
}

std::uint16_t unused_port() {
    // One walk marks what connections have.
    std::array<std::uint64_t, (port_count + 63) / 64> used{};
    auto mark = [&used](std::uint32_t port) {
        if (port >= first_port && port < first_port + port_count)
            used[(port - first_port) / 64] |= std::uint64_t{1} << (port - first_port) % 64;
    };
    for_each_connection([&mark](const tcp_pcb& pcb) { mark(pcb.local_port); });
    for (const tcp_pcb* pcb = tcp_tw_pcbs; pcb != nullptr; pcb = pcb->next) mark(pcb->local_port);
    for (const tcp_pcb* pcb = tcp_bound_pcbs; pcb != nullptr; pcb = pcb->next) mark(pcb->local_port);
    for (const tcp_pcb_listen* pcb = tcp_listen_pcbs.listen_pcbs; pcb != nullptr; pcb = pcb->next) {
        mark(pcb->local_port);
    }
    std::uint32_t begin = random_number() % port_count;
    for (std::uint32_t i = 0; i < port_count; ++i) {
        std::uint32_t at = (begin + i) % port_count;
        if ((used[at / 64] >> at % 64 & 1) == 0) return static_cast<std::uint16_t>(first_port + at);
    }
    return 0;
}

Result<> choose_source(tcp_pcb& pcb, InetEndpoint& to) {
    netif* route =
        pcb.netif_idx != NETIF_NO_INDEX ? netif_get_by_index(pcb.netif_idx) : ip_route(&pcb.local_ip, &to.address);
    if (route == nullptr) return Errno::enetunreach;
    if (ip_addr_isany_val(pcb.local_ip)) {
        const ip_addr_t* source = ip_netif_get_local_ip(route, &to.address);
        if (source == nullptr) return Errno::enetunreach;
        ip_addr_copy(pcb.local_ip, *source);
    }
    if (IP_IS_V6_VAL(to.address) && ip6_addr_lacks_zone(ip_2_ip6(&to.address), IP6_UNICAST)) {
        ip6_addr_assign_zone(ip_2_ip6(&to.address), IP6_UNICAST, route);
    }
    if (pcb.local_port != 0) return {};
    std::uint32_t begin = random_number() % port_count;
    for (std::uint32_t i = 0; i < port_count; ++i) {
        auto port = static_cast<std::uint16_t>(first_port + (begin + i) % port_count);
        if (is_taken(pcb, port, to)) continue;
        pcb.local_port = port;
        return {};
    }
    return Errno::eaddrnotavail;
}

}  // namespace husk::net
