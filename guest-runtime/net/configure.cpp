// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/configure.hpp"

#include <array>
#include <optional>

#include <lwip/dhcp.h>
#include <lwip/ip_addr.h>
#include <lwip/netif.h>

#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/net/interfaces.hpp"
#include "guest-runtime/net/lwip/hooks.h"
#include "guest-runtime/net/name_servers.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/stack_timer.hpp"

namespace husk::net {

namespace {

void complain(std::string_view setting) {
    char buffer[160];
    TextWriter text(buffer);
    log_line(text.text("network setting ").text(setting).text(" makes no sense and is left out").view());
}

std::optional<ip_addr_t> address_of(std::string_view text) {
    char terminated[IPADDR_STRLEN_MAX + 1];
    if (text.empty() || text.size() > IPADDR_STRLEN_MAX) return std::nullopt;
    text.copy(terminated, text.size());
    terminated[text.size()] = '\0';
    ip_addr_t address{};
    if (ipaddr_aton(terminated, &address) == 0) return std::nullopt;
    return address;
}

std::optional<unsigned> number_of(std::string_view text, unsigned most) {
    unsigned value = 0;
    if (text.empty() || text.size() > 3) return std::nullopt;
    for (char digit : text) {
        if (digit < '0' || digit > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(digit - '0');
    }
    return value <= most ? std::optional(value) : std::nullopt;
}

std::string_view take_word(std::string_view& text) {
    std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    return word;
}

bool set_address4(netif& interface, const ip4_addr_t& address, unsigned prefix,
                  const std::optional<ip_addr_t>& gateway) {
    if (prefix > 32) return false;
    ip4_addr_t mask{prefix == 0 ? 0 : lwip_htonl(~std::uint32_t{0} << (32 - prefix))};
    ip4_addr_t route{0};
    if (gateway) {
        if (!IP_IS_V4_VAL(*gateway)) return false;
        route = *ip_2_ip4(&*gateway);
    }
    netif_set_addr(&interface, &address, &mask, &route);
    return true;
}

bool set_address6(netif& interface, const ip6_addr_t& address) {
    s8_t index = -1;
    if (netif_add_ip6_address(&interface, &address, &index) != ERR_OK || index < 0) return false;
    netif_ip6_addr_set_state(&interface, index, IP6_ADDR_PREFERRED);
    return true;
}

// INTERFACE,dhcp or INTERFACE,ADDRESS/PREFIX[,GATEWAY]
bool apply_address(std::string_view value) {
    netif* interface = interface_named(take_word(value));
    if (interface == nullptr) return false;
    std::string_view what = take_word(value);
    if (what == "dhcp") return dhcp_start(interface) == ERR_OK;
    std::size_t slash = what.find('/');
    if (slash == std::string_view::npos) return false;
    auto address = address_of(what.substr(0, slash));
    auto prefix = number_of(what.substr(slash + 1), 128);
    std::optional<ip_addr_t> gateway;
    if (!value.empty()) {
        gateway = address_of(value);
        if (!gateway) return false;
    }
    if (!address || !prefix) return false;
    if (IP_IS_V4_VAL(*address)) return set_address4(*interface, *ip_2_ip4(&*address), *prefix, gateway);
    return set_address6(*interface, *ip_2_ip6(&*address));
}

bool apply_server(std::string_view value, u8_t number) {
    auto server = address_of(value);
    if (server) dns_setserver(number, &*server);
    return server.has_value();
}

}  // namespace

void configure(std::string_view settings) {
    constexpr std::string_view address = "ip=", server = "dns=";
    u8_t servers = 0;
    while (!settings.empty()) {
        std::string_view setting = settings.substr(0, settings.find('\0'));
        settings.remove_prefix(std::min(setting.size() + 1, settings.size()));
        if (!setting.starts_with(address) && !setting.starts_with(server)) continue;
        start_stack();
        StackGuard guard;
        bool applied = setting.starts_with(address) ? apply_address(setting.substr(address.size()))
                                                    : apply_server(setting.substr(server.size()), servers++);
        if (!applied) complain(setting);
        note_interface_change();
    }
}

}  // namespace husk::net
