// SPDX-License-Identifier: Apache-2.0
// The disks of the VM, in the order of their names.
#pragma once

#include <cstddef>
#include <string_view>

#include "guest-runtime/fs/block/block_device.hpp"

namespace husk::block {

// At boot, by the drivers. The device lives as long as the VM.
void add_device(BlockDevice& device);

BlockDevice* device_at(std::size_t index);  // null behind the last
BlockDevice* find_device(std::string_view name);

}  // namespace husk::block
