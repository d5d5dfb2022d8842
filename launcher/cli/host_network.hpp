// SPDX-License-Identifier: Apache-2.0
// `husk net up` and `husk net down`: a bridge on which VMs reach each other, the host and the outside.
#pragma once

#include <string>

#include "launcher/cli/command.hpp"

namespace husk::cli {

// Each does what is not done yet, and returns what it did, in lines. Throws host::Error: net_permission, host_failure.
[[nodiscard]] std::string bring_network_up(const NetCommand& command);
[[nodiscard]] std::string take_network_down(const NetCommand& command);

}  // namespace husk::cli
