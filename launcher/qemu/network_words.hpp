// SPDX-License-Identifier: Apache-2.0
// A VM's networks as words of QEMU's command line.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "launcher/config/net_config.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::qemu {

// A process behind a network, a child of this one.
struct NetworkHelper {
    std::size_t network;
    pid_t id;
};

struct NetworkWords {
    std::vector<std::string> words;
    std::vector<host::FileDescriptor> inherited;  // by QEMU, under the numbers in `words`
    std::vector<NetworkHelper> helpers;
};

// Opens taps, lets them join their bridge, and starts user networks. first_slot: the virtio transport that the first of
// them has. Throws host::Error, also for what QEMU's networks cannot do.
[[nodiscard]] NetworkWords open_networks(std::span<const config::NetConfig> networks, std::size_t first_slot);

}  // namespace husk::qemu
