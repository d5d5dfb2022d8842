// SPDX-License-Identifier: Apache-2.0
// /dev/vda and its kin: a disk as a file.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/open_flags.hpp"

namespace husk::fs {

inline constexpr std::uint32_t block_major = 254;       // what Linux gives virtio disks
inline constexpr std::uint32_t block_minors_each = 16;  // the others are its partitions', which there are none of
constexpr std::uint64_t block_device_number(std::size_t disk) {
    return make_device(block_major, static_cast<std::uint32_t>(disk * block_minors_each));
}

// At boot, once the disks are known.
void register_block_devices();

}  // namespace husk::fs
