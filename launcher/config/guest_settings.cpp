// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/guest_settings.hpp"

#include <algorithm>
#include <iterator>

#include "launcher/config/disk_option.hpp"
#include "launcher/config/net_values.hpp"
#include "launcher/config/text.hpp"

namespace husk::config {

std::vector<std::string> net_settings(std::span<const NetConfig> networks) {
    std::vector<std::string> settings;
    for (std::size_t i = 0; i < networks.size(); ++i) {
        const NetConfig& net = networks[i];
        // Whoever opened a tap may have no DHCP server on it; asking costs nothing but the question.
        if (net.addresses.empty()) settings.push_back(fill_in("ip=eth{},dhcp", i));
        for (const std::string& address : net.addresses) {
            const bool has_gateway =
                !net.gateway.empty() && is_ipv6(net.gateway) == (address.find(':') != std::string::npos);
            settings.push_back(fill_in("ip=eth{},{}{}{}", i, address, has_gateway ? "," : "",
                                       has_gateway ? net.gateway : std::string()));
        }
        for (const std::string& server : net.name_servers) settings.push_back("dns=" + server);
    }
    return settings;
}

std::vector<std::string> guest_settings(const LaunchConfig& config) {
    std::vector<std::string> settings = mount_settings(config.disks);
    std::ranges::move(net_settings(config.networks), std::back_inserter(settings));
    if (!config.host_name.empty()) settings.push_back("hostname=" + config.host_name);
    if (config.memory_target_bytes) settings.push_back("memory_target=" + std::to_string(*config.memory_target_bytes));
    if (!config.debug.trace.calls.empty()) settings.push_back("trace=" + config.debug.trace.calls);
    return settings;
}

}  // namespace husk::config
