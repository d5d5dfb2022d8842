// SPDX-License-Identifier: Apache-2.0
// What a network device tells its driver about itself [virtio 5.1.3, 5.1.4].
#pragma once

#include <array>
#include <cstdint>

#include <husk/abi/virtio/net.hpp>

#include "launcher/backend/net_backend.hpp"

namespace husk::devices {

struct NetFacts {
    std::array<std::uint8_t, 6> mac{};
    std::uint32_t mtu = 1500;
    std::uint32_t queue_pairs = 1;
    backend::NetOffloads offloads;
};

inline constexpr std::uint32_t net_queue_size = 256;

[[nodiscard]] std::uint64_t net_features(const NetFacts& facts);
[[nodiscard]] abi::virtio::NetConfig net_config(const NetFacts& facts);

// A pair of queues for each; with several also the control queue.
[[nodiscard]] constexpr std::uint32_t net_queue_count(const NetFacts& facts) {
    return facts.queue_pairs == 1 ? 2 : 2 * facts.queue_pairs + 1;
}

// What a driver that has accepted `features` takes from the host.
[[nodiscard]] backend::NetOffloads guest_offloads(std::uint64_t features);

}  // namespace husk::devices
