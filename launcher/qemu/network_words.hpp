// SPDX-License-Identifier: Apache-2.0
// A VM's networks as words of QEMU's command line.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "launcher/config/net_config.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::qemu {

struct NetworkWords {
    std::vector<std::string> words;
    std::vector<host::FileDescriptor> taps;  // which QEMU inherits under the numbers in `words`
};

// Opens taps, and lets them join their bridge. Throws host::Error, also for what QEMU's networks cannot do.
[[nodiscard]] NetworkWords open_networks(std::span<const config::NetConfig> networks);

}  // namespace husk::qemu
