// SPDX-License-Identifier: Apache-2.0
// The tree that the application finds at boot.
#pragma once

#include <string_view>

#include "guest-runtime/fs/inode.hpp"

namespace husk::fs {

// Mounts the RAM file system at / with all that belongs into it.
Result<> build_layout();
// mkdir -p.
Result<RefPtr<Inode>> make_directories(std::string_view path);

}  // namespace husk::fs
