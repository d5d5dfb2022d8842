// SPDX-License-Identifier: Apache-2.0
// A network device's control queue, and the one command that is obeyed: how many pairs of queues are in use [virtio
// 5.1.6.5].
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "launcher/virtio/chain.hpp"
#include "launcher/virtio/device.hpp"

namespace husk::devices {

struct NetControlAnswer {
    std::uint32_t written_bytes = 0;
    std::optional<std::uint32_t> queue_pairs;  // what the driver wants from now on
};

// Reads the command and stores ok or error. Nothing: the chain has no room for an answer.
[[nodiscard]] std::optional<NetControlAnswer> answer_net_control(virtio::Chain& chain, std::uint32_t queue_pairs_max);

class NetControl final {
public:
    // use_pairs: carries the command out, before the driver has its answer.
    NetControl(virtio::Device::NumberedQueue numbered, std::uint32_t queue_pairs_max,
               std::function<void(std::uint32_t)> use_pairs);

    // Obeys what waits. true: there was something.
    [[nodiscard]] bool serve();
    // The driver has broken a rule.
    [[nodiscard]] const std::optional<std::string>& fault() const { return fault_ ? fault_ : numbered_.queue.fault(); }

    [[nodiscard]] std::uint32_t index() const { return numbered_.index; }
    [[nodiscard]] virtio::Queue& queue() { return numbered_.queue; }

private:
    virtio::Device::NumberedQueue numbered_;
    std::uint32_t queue_pairs_max_;
    std::function<void(std::uint32_t)> use_pairs_;
    std::optional<std::string> fault_;
};

}  // namespace husk::devices
