// SPDX-License-Identifier: Apache-2.0
// A network as text: one word on the command line, or the keys of a [[net]] table.
//
//   user   tap:tap0,ip=10.0.0.2/24,gateway=10.0.0.1   tapfd:5   bridge:br0,mac=52:54:00:12:34:56   stream:/run/a.sock
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/config/net_config.hpp"

namespace husk::config {

// Each returns an empty string, or what is wrong, to follow the name of the option or key.

// "user", "tap:NAME", ... without keys.
[[nodiscard]] std::string set_net_backend(std::string_view text, NetConfig& net);
// A key and its value.
[[nodiscard]] std::string set_net_key(std::string_view key, std::string_view value, NetConfig& net);
// The whole, as on the command line.
[[nodiscard]] std::string parse_net(std::string_view text, NetConfig& net);
// [ADDRESS:]HOSTPORT:GUESTPORT[/tcp|/udp]
[[nodiscard]] std::string parse_published(std::string_view text, PublishedPort& port);

// A port is published by the first user network; without any network, one is added.
[[nodiscard]] std::string publish(const PublishedPort& port, std::vector<NetConfig>& networks);

// What no single value shows: a gateway without an address, a port published twice, more networks than fit.
[[nodiscard]] std::string check_networks(std::span<const NetConfig> networks);

}  // namespace husk::config
