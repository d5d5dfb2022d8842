// SPDX-License-Identifier: Apache-2.0
// Networks of a VM: what stands behind each on the host, and the device in front of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "launcher/config/net_config.hpp"
#include "launcher/devices/net_device.hpp"
#include "launcher/event/service_thread.hpp"

namespace husk::run {

// "eth0", "eth1", ...
[[nodiscard]] std::string network_name(std::size_t index);

// Opens or starts what is behind it. on_warning: called when that has gone. Throws host::Error.
[[nodiscard]] std::unique_ptr<devices::NetDevice> make_network(const config::NetConfig& config, std::size_t index,
                                                               event::SpinFacts& spin_facts,
                                                               std::function<void(std::string_view)> on_warning);

}  // namespace husk::run
