// SPDX-License-Identifier: Apache-2.0
// Networks of a VM: what stands behind each on the host, and the device in front of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "launcher/config/net_config.hpp"
#include "launcher/event/spin_facts.hpp"
#include "launcher/memory/guest_memory.hpp"
#include "launcher/virtio/device.hpp"

namespace husk::run {

// "eth0", "eth1", ...
[[nodiscard]] std::string network_name(std::size_t index);

// Opens or starts what is behind it. on_warning: called when that has gone, or its recorder cannot go on. memory and
// spin_facts outlive the device. Throws host::Error.
[[nodiscard]] std::unique_ptr<virtio::Device> make_network(const config::NetConfig& config, std::size_t index,
                                                           const memory::GuestMemory& memory,
                                                           event::SpinFacts& spin_facts,
                                                           std::function<void(std::string_view)> on_warning);

}  // namespace husk::run
