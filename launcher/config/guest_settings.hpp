// SPDX-License-Identifier: Apache-2.0
// What the guest runtime is told of disks, networks and the VM's name: "name=value" strings, in boot info under KVM and
// on the kernel line under QEMU. docs/boot-protocol.md lists them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "launcher/config/launch_config.hpp"

namespace husk::config {

// "ip=eth0,dhcp", "dns=10.0.0.1".
[[nodiscard]] std::vector<std::string> net_settings(std::span<const NetConfig> networks);

// All of them: mounts, networks, "hostname=NAME", "memory_target=BYTES".
[[nodiscard]] std::vector<std::string> guest_settings(const LaunchConfig& config);

}  // namespace husk::config
