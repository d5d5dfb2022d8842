// SPDX-License-Identifier: Apache-2.0
// Which driver stands behind a device node's number.
#pragma once

#include "guest-runtime/fs/file.hpp"

namespace husk::fs {

using DeviceOpener = Result<RefPtr<File>> (*)(RefPtr<Inode> inode, std::uint32_t flags);

// Before the application runs. `type` is character or block.
void register_device(FileType type, std::uint64_t device, DeviceOpener opener);
// ENXIO when nobody serves it.
Result<RefPtr<File>> open_device(RefPtr<Inode> inode, std::uint32_t flags);

}  // namespace husk::fs
