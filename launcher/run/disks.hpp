// SPDX-License-Identifier: Apache-2.0
// A disk of the configuration as a block device.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "launcher/config/disk_config.hpp"
#include "launcher/devices/block_device.hpp"
#include "launcher/event/spin_facts.hpp"

namespace husk::run {

// Opens and locks what the disk is kept in. Throws host::Error.
[[nodiscard]] std::unique_ptr<devices::BlockDevice> make_disk(const config::DiskConfig& config, const std::string& name,
                                                              std::uint32_t vcpus, event::SpinFacts& spin_facts);

}  // namespace husk::run
