// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/guest_settings.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "launcher/config/disk_option.hpp"
#include "launcher/config/net_option.hpp"

using namespace husk::config;

namespace {

NetConfig network(std::string_view text) {
    NetConfig net;
    CHECK(parse_net(text, net) == "");
    return net;
}

}  // namespace

TEST_CASE("the guest is told its addresses") {
    const std::vector<NetConfig> networks{network("user"),
                                          network("tap:t,ip=10.0.0.2/24,ip=fd00::2/64,gateway=10.0.0.1,dns=10.0.0.1")};
    CHECK(net_settings(networks) == std::vector<std::string>{"ip=eth0,dhcp", "ip=eth1,10.0.0.2/24,10.0.0.1",
                                                             "ip=eth1,fd00::2/64", "dns=10.0.0.1"});
}

TEST_CASE("the guest is told its mounts, networks and name") {
    LaunchConfig config;
    CHECK(guest_settings(config).empty());
    CHECK(parse_disk("a:/x", config.disks.emplace_back()) == "");
    config.networks = {network("user")};
    config.host_name = "web-1";
    CHECK(guest_settings(config) == std::vector<std::string>{"mount=vda:/x", "ip=eth0,dhcp", "hostname=web-1"});
}
