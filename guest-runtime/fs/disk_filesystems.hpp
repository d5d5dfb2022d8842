// SPDX-License-Identifier: Apache-2.0
// The file systems that can be on a disk.
#pragma once

#include <string_view>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/block/block_device.hpp"
#include "guest-runtime/fs/filesystem.hpp"

namespace husk::fs {

struct DiskFilesystem {
    std::string_view name;  // "ext4"
    // EINVAL: the disk holds something else, the next one may look. Any other error ends the attempt; the opener has
    // logged a sentence that says why.
    Result<Filesystem*> (*open)(block::BlockDevice& device, bool read_only);
};

// The first that recognises the disk opens it. ENODEV when none does.
Result<Filesystem*> open_disk_filesystem(block::BlockDevice& device, bool read_only);

}  // namespace husk::fs
