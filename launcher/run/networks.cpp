// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/networks.hpp"

#include <sys/random.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "launcher/backend/open_network.hpp"
#include "launcher/config/text.hpp"
#include "launcher/devices/net_device.hpp"
#include "launcher/devices/vhost_net_device.hpp"
#include "launcher/host/errno_error.hpp"

namespace husk::run {

std::string network_name(std::size_t index) { return "eth" + std::to_string(index); }

namespace {

devices::NetFacts facts_of(const config::NetConfig& config, std::size_t index, const backend::NetBackend& network) {
    devices::NetFacts facts;
    facts.mac = backend::choose_mac(config, index);
    facts.mtu = config.mtu != 0 ? config.mtu : network.mtu();
    facts.queue_pairs = network.queue_pairs();
    facts.offloads = network.offloads();
    return facts;
}

std::unique_ptr<virtio::Device> make_vhost_network(const config::NetConfig& config, std::size_t index,
                                                   const memory::GuestMemory& memory, event::SpinFacts& spin_facts) {
    std::vector<backend::VhostNet> pairs;
    for (std::uint32_t i = 0; i < config.queue_pairs; ++i) pairs.push_back(backend::VhostNet::open());
    backend::Tap tap = backend::open_tap(config);
    const devices::NetFacts facts = facts_of(config, index, tap);
    return std::make_unique<devices::VhostNetDevice>(facts, std::move(pairs), std::move(tap), memory, spin_facts);
}

}  // namespace

std::unique_ptr<virtio::Device> make_network(const config::NetConfig& config, std::size_t index,
                                             const memory::GuestMemory& memory, event::SpinFacts& spin_facts,
                                             std::function<void(std::string_view)> on_warning) {
    if (config.vhost) return make_vhost_network(config, index, memory, spin_facts);
    std::unique_ptr<backend::NetBackend> network = backend::open_network(config, on_warning);
    const devices::NetFacts facts = facts_of(config, index, *network);
    const std::string what = backend::describe(config);
    // The device, which calls it, owns the network.
    auto on_gone = [index, what, network = network.get(), on_warning = std::move(on_warning)] {
        if (on_warning) {
            on_warning(config::fill_in("{} of network {} is gone{}: the link is down", what, network_name(index),
                                       network->why_gone()));
        }
    };
    return std::make_unique<devices::NetDevice>(facts, devices::NetLimits{config.bytes_per_second}, std::move(network),
                                                spin_facts, std::move(on_gone));
}

}  // namespace husk::run
