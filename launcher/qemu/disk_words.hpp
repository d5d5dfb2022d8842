// SPDX-License-Identifier: Apache-2.0
// The words of QEMU's command line that attach the disks of a VM.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "launcher/config/disk_config.hpp"

namespace husk::qemu {

// virtio-blk devices on the transports of microvm, the n-th disk on the n-th one; modern registers only. No
// overlays. Throws host::Error (usage): too many.
[[nodiscard]] std::vector<std::string> disk_words(std::span<const config::DiskConfig> disks, std::uint32_t vcpus);

}  // namespace husk::qemu
