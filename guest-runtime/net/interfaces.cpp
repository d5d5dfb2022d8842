// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/interfaces.hpp"

#include <algorithm>
#include <cstring>

#include <lwip/netif.h>

#include "guest-runtime/base/format.hpp"
#include "guest-runtime/net/stack.hpp"

namespace husk::net {

namespace {

bool is_loopback(const netif& interface) { return netif_get_index(&interface) == loopback_number; }

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

Result<std::uint32_t> interface_by_name(std::span<const std::byte> name) {
    char text[InterfaceName::max_bytes] = {};
    std::size_t size = std::min(name.size(), InterfaceName::max_bytes - 1);
    std::memcpy(text, name.data(), size);
    if (text[0] == '\0') return 0;
    start_stack();
    StackGuard guard;
    const netif* interface = interface_named(text);
    if (interface == nullptr) return Errno::enodev;
    return netif_get_index(interface);
}

Result<std::size_t> put_interface_name(std::span<std::byte> to, std::uint32_t number) {
    if (number == 0) return 0;
    if (to.size() < InterfaceName::max_bytes) return Errno::einval;
    StackGuard guard;
    const netif* interface = netif_get_by_index(static_cast<u8_t>(number));
    if (interface == nullptr) return Errno::enodev;
    InterfaceName name = name_of(*interface);
    std::memcpy(to.data(), name.text, name.view().size() + 1);
    return name.view().size() + 1;
}

std::uint32_t mtu_of(const netif& interface) {
    constexpr std::uint32_t loopback_mtu = 65536;
    return is_loopback(interface) ? loopback_mtu : interface.mtu;
}

}  // namespace husk::net
