// SPDX-License-Identifier: Apache-2.0
// From a network's configuration to what stands behind it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "launcher/backend/net_backend.hpp"
#include "launcher/backend/tap.hpp"
#include "launcher/config/net_config.hpp"

namespace husk::backend {

// The tap of a network of kind tap, tap_fd or bridge, without recorder and trouble. Throws host::Error.
[[nodiscard]] Tap open_tap(const config::NetConfig& net);

// With its recorder and its trouble, when those are asked for. on_warning: hears when the recorder cannot go on; any
// thread. Throws host::Error.
[[nodiscard]] std::unique_ptr<NetBackend> open_network(const config::NetConfig& net,
                                                       const std::function<void(std::string_view)>& on_warning);

// The one asked for. Else: of the n-th network, the same each time for a tap and for user; by chance for the others,
// where other VMs may be on the same wire. Throws host::Error.
[[nodiscard]] config::MacAddress choose_mac(const config::NetConfig& net, std::size_t index);

// "the tap tap0", for messages.
[[nodiscard]] std::string describe(const config::NetConfig& net);

}  // namespace husk::backend
