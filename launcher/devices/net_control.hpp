// SPDX-License-Identifier: Apache-2.0
// Commands on a network device's control queue [virtio 5.1.6.5].
#pragma once

#include <cstdint>
#include <optional>

#include "launcher/virtio/chain.hpp"

namespace husk::devices {

struct NetControlAnswer {
    std::uint32_t written_bytes = 0;
    std::optional<std::uint32_t> queue_pairs;  // what the driver wants from now on
};

// Reads the command and stores ok or error. Nothing: the chain has no room for an answer.
[[nodiscard]] std::optional<NetControlAnswer> answer_net_control(virtio::Chain& chain, std::uint32_t queue_pairs_max);

}  // namespace husk::devices
