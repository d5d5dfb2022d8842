// SPDX-License-Identifier: Apache-2.0
// Opening by path: everything that open(2) decides before the inode takes over.
#pragma once

#include <string_view>

#include "guest-runtime/fs/file.hpp"

namespace husk::fs {

// Combinations of flags that open(2) refuses before it looks at the path. EINVAL.
Result<> check_open_flags(std::uint32_t flags);

// check_open_flags() holds. `permissions` are those of a file that is created, the umask not yet taken off.
Result<RefPtr<File>> open_file(RefPtr<Inode> start, std::string_view path, std::uint32_t flags,
                               std::uint32_t permissions);

}  // namespace husk::fs
