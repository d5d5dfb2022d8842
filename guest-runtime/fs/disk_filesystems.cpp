// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/disk_filesystems.hpp"

#include <array>

#include "guest-runtime/fs/ext4/ext4.hpp"

namespace husk::fs {

namespace {

constexpr std::array<DiskFilesystem, 1> known = {{{"ext4", ext4::open_ext4}}};

}  // namespace

Result<Filesystem*> open_disk_filesystem(block::BlockDevice& device, bool read_only) {
    for (const DiskFilesystem& candidate : known) {
        auto opened = candidate.open(device, read_only);
        if (opened.ok() || opened.error() != Errno::einval) return opened;
    }
    return Errno::enodev;
}

}  // namespace husk::fs
