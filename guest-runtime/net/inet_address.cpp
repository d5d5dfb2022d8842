// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/inet_address.hpp"

#include <bit>

#include <lwip/netif.h>

namespace husk::net {

namespace {

struct SocketAddress4 {
    std::uint16_t family;
    std::uint16_t port;  // network order, as all that follows
    std::uint32_t address;
    std::uint8_t zero[8];
};
static_assert(sizeof(SocketAddress4) == 16);

struct SocketAddress6 {
    std::uint16_t family;
    std::uint16_t port;
    std::uint32_t flow;
    std::uint32_t address[4];
    std::uint32_t scope;  // host order: an interface
};
static_assert(sizeof(SocketAddress6) == 28);

constexpr std::uint32_t least_bytes6 = 24;  // without the scope, as in RFC 2133
constexpr std::uint32_t mapped_mark = 0xffff'0000;

std::uint16_t swapped(std::uint16_t value) { return __builtin_bswap16(value); }

Result<InetEndpoint> endpoint4(const Address& address) {
    if (address.size_bytes < sizeof(SocketAddress4)) return Errno::einval;
    auto raw = address.as<SocketAddress4>();
    InetEndpoint endpoint{};
    ip_addr_set_ip4_u32(&endpoint.address, raw.address);
    endpoint.port = swapped(raw.port);
    return endpoint;
}

Result<InetEndpoint> endpoint6(const Address& address, bool only_ipv6) {
    if (address.size_bytes < least_bytes6) return Errno::einval;
    auto raw = address.as<SocketAddress6>();
    InetEndpoint endpoint{};
    endpoint.port = swapped(raw.port);
    const std::uint32_t(&words)[4] = raw.address;
    if (words[0] == 0 && words[1] == 0 && words[2] == mapped_mark) {
        if (only_ipv6) return Errno::enetunreach;
        ip_addr_set_ip4_u32(&endpoint.address, words[3]);
        return endpoint;
    }
    IP_ADDR6(&endpoint.address, words[0], words[1], words[2], words[3]);
    ip6_addr_t* ip6 = ip_2_ip6(&endpoint.address);
    if (ip6_addr_isany(ip6) && !only_ipv6) {
        IP_SET_TYPE(&endpoint.address, IPADDR_TYPE_ANY);
    } else if (ip6_addr_has_scope(ip6, IP6_UNKNOWN)) {
        ip6_addr_set_zone(ip6, static_cast<std::uint8_t>(raw.scope));
    }
    return endpoint;
}

}  // namespace

Result<InetEndpoint> inet_endpoint(const Address& address, Family family, bool only_ipv6) {
    if (address.size_bytes < sizeof(std::uint16_t)) return Errno::einval;
    if (address.family() != family) return Errno::eafnosupport;
    return family == Family::inet ? endpoint4(address) : endpoint6(address, only_ipv6);
}

Result<InetEndpoint> own_endpoint(const Address& address, Family family, bool only_ipv6) {
    auto endpoint = inet_endpoint(address, family, only_ipv6);
    if (!endpoint.ok() && endpoint.error() == Errno::enetunreach) return Errno::einval;
    return endpoint;
}

Address inet_address(const ip_addr_t& address, std::uint16_t port, Family family) {
    if (family == Family::inet) {
        SocketAddress4 raw{static_cast<std::uint16_t>(family), swapped(port), 0, {}};
        if (IP_IS_V4_VAL(address)) raw.address = ip_2_ip4(&address)->addr;
        return Address::from(raw);
    }
    SocketAddress6 raw{static_cast<std::uint16_t>(family), swapped(port), 0, {}, 0};
    if (IP_IS_V4_VAL(address)) {
        // Without a port it is the one of a socket that has no address yet.
        if (ip_2_ip4(&address)->addr != 0 || port != 0) {
            raw.address[2] = mapped_mark;
            raw.address[3] = ip_2_ip4(&address)->addr;
        }
    } else {
        std::memcpy(raw.address, ip_2_ip6(&address)->addr, sizeof raw.address);
        if (ip6_addr_has_scope(ip_2_ip6(&address), IP6_UNKNOWN)) raw.scope = ip6_addr_zone(ip_2_ip6(&address));
    }
    return Address::from(raw);
}

void make_definite(ip_addr_t& address, bool is_ipv6) {
    if (!ip_addr_isany_val(address) && !IP_IS_ANY_TYPE_VAL(address)) return;
    if (is_ipv6 && !IP_IS_V4_VAL(address)) {
        IP_ADDR6_HOST(&address, 0, 0, 0, 1);
    } else {
        ip_addr_set_loopback_val(false, address);
    }
}

PacketInfo packet_info_of(const ip_addr_t& address, std::uint32_t interface) {
    PacketInfo info{IP_IS_V6_VAL(address), interface, {}};
    if (info.is_ipv6) {
        std::memcpy(info.address.data(), ip_2_ip6(&address)->addr, info.address.size());
    } else {
        std::memcpy(info.address.data(), &ip_2_ip4(&address)->addr, sizeof(std::uint32_t));
    }
    return info;
}

bool source_of(const PacketInfo& info, ip_addr_t& address) {
    std::uint32_t words[4];
    std::memcpy(words, info.address.data(), sizeof words);
    if (info.is_ipv6) {
        IP_ADDR6(&address, words[0], words[1], words[2], words[3]);
    } else {
        ip_addr_set_ip4_u32(&address, words[0]);
    }
    return !ip_addr_isany_val(address);
}

bool may_bind_to(const ip_addr_t& address) {
    if (IP_IS_ANY_TYPE_VAL(address) || ip_addr_isany_val(address) || ip_addr_ismulticast(&address)) return true;
    if (IP_IS_V4_VAL(address) && ip4_addr_isloopback(ip_2_ip4(&address))) return true;
    netif* interface;
    NETIF_FOREACH(interface) {
        if (IP_IS_V6_VAL(address)) {
            if (netif_get_ip6_addr_match(interface, ip_2_ip6(&address)) >= 0) return true;
        } else if (ip4_addr_cmp(ip_2_ip4(&address), netif_ip4_addr(interface)) ||
                   ip4_addr_isbroadcast(ip_2_ip4(&address), interface)) {
            return true;
        }
    }
    return false;
}

}  // namespace husk::net
