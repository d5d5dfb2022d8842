// SPDX-License-Identifier: Apache-2.0
// What /proc/net tells of the network, asked of those who know.
#pragma once

#include "guest-runtime/fs/text.hpp"

namespace husk::fs::facts {

// Lines of a resolv.conf.
void write_name_servers(Text& to);
// Files of /proc/net in Linux's form.
void write_interfaces(Text& to);      // dev
void write_ipv6_addresses(Text& to);  // if_inet6
void write_tcp_connections(Text& to, bool is_ipv6);
void write_udp_sockets(Text& to, bool is_ipv6);
void write_routes(Text& to);

}  // namespace husk::fs::facts
