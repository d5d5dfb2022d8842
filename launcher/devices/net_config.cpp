// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/net_config.hpp"

#include <algorithm>

namespace husk::devices {

namespace feature = abi::virtio::net_feature;

std::uint64_t net_features(const NetFacts& facts) {
    std::uint64_t features = feature::mac | feature::status | feature::mtu | feature::mrg_rxbuf;
    if (facts.queue_pairs > 1) features |= feature::ctrl_vq | feature::multi_queue;
    // The others stand on the checksum [virtio 5.1.3.1].
    if (!facts.offloads.checksum) return features;
    features |= feature::csum | feature::guest_csum;
    if (facts.offloads.tso4) features |= feature::host_tso4 | feature::guest_tso4;
    if (facts.offloads.tso6) features |= feature::host_tso6 | feature::guest_tso6;
    if (facts.offloads.uso) features |= feature::host_uso | feature::guest_uso4 | feature::guest_uso6;
    return features;
}

abi::virtio::NetConfig net_config(const NetFacts& facts) {
    abi::virtio::NetConfig config{};
    std::ranges::copy(facts.mac, config.mac);
    config.status = abi::virtio::net_status::link_up;
    config.max_queue_pairs = static_cast<std::uint16_t>(facts.queue_pairs);
    config.mtu = static_cast<std::uint16_t>(facts.mtu);
    return config;
}

backend::NetOffloads guest_offloads(std::uint64_t features) {
    constexpr std::uint64_t both_uso = feature::guest_uso4 | feature::guest_uso6;
    if ((features & feature::guest_csum) == 0) return {};
    return {true, (features & feature::guest_tso4) != 0, (features & feature::guest_tso6) != 0,
            (features & both_uso) == both_uso};
}

}  // namespace husk::devices
