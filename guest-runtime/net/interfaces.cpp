// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/interfaces.hpp"

#include <lwip/netif.h>

#include "guest-runtime/base/format.hpp"

namespace husk::net {

namespace {

bool is_loopback(const netif& interface) { return netif_get_index(&interface) == 1; }

}  // namespace

InterfaceName name_of(const netif& interface) {
    InterfaceName name{};
    TextWriter text(std::span(name.text, InterfaceName::max_bytes - 1));
    if (is_loopback(interface)) {
        text.text("lo");
    } else {
        text.text("eth").decimal(netif_get_index(&interface) - 2u);  // behind loopback, from 0
    }
    return name;
}

netif* interface_named(std::string_view name) {
    netif* interface;
    NETIF_FOREACH(interface) {
        if (name_of(*interface).view() == name) return interface;
    }
    return nullptr;
}

std::uint32_t flags_of(const netif& interface) {
    std::uint32_t flags = 0;
    if (netif_is_up(&interface)) flags |= interface_flag::up;
    if (is_loopback(interface))
        return flags | interface_flag::loopback | interface_flag::running | interface_flag::lower_up;
    if (netif_is_link_up(&interface)) flags |= interface_flag::running | interface_flag::lower_up;
    return flags | interface_flag::broadcast | interface_flag::multicast;
}

std::uint32_t mtu_of(const netif& interface) {
    constexpr std::uint32_t loopback_mtu = 65536;
    return is_loopback(interface) ? loopback_mtu : interface.mtu;
}

}  // namespace husk::net
