// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/disk_filesystems.hpp"

#include <array>

namespace husk::fs {

namespace {

constexpr std::array<DiskFilesystem, 0> known = {};

}  // namespace

Result<Filesystem*> open_disk_filesystem(block::BlockDevice& device, bool read_only) {
    for (const DiskFilesystem& candidate : known) {
        auto opened = candidate.open(device, read_only);
        if (opened.ok() || opened.error() != Errno::einval) return opened;
    }
    return Errno::enodev;
}

}  // namespace husk::fs
