// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/name_servers.hpp"

#include <array>

#include "guest-runtime/fs/network_facts.hpp"
#include "guest-runtime/net/inet_text.hpp"
#include "guest-runtime/net/lwip/hooks.h"
#include "guest-runtime/net/stack.hpp"

namespace husk::net {

namespace {

constinit std::array<ip_addr_t, most_name_servers> servers{};

}  // namespace

const ip_addr_t& name_server(std::size_t index) { return servers[index]; }

}  // namespace husk::net

// Settings come first, so what DHCP says goes where they left room.
void dns_setserver(u8_t number, const ip_addr_t* address) {
    using namespace husk::net;
    if (address == nullptr) return;
    for (const ip_addr_t& known : servers) {
        if (ip_addr_cmp(&known, address)) return;
    }
    for (std::size_t i = number; i < servers.size(); ++i) {
        if (!ip_addr_isany_val(servers[i])) continue;
        servers[i] = *address;
        return;
    }
}

namespace husk::fs::facts {

void write_name_servers(Text& to) {
    net::start_stack();
    net::StackGuard guard;
    for (std::size_t i = 0; i < net::most_name_servers; ++i) {
        if (ip_addr_isany_val(net::name_server(i))) continue;
        to.text("nameserver ");
        net::write_address(to, net::name_server(i));
        to.text("\n");
    }
}

}  // namespace husk::fs::facts
