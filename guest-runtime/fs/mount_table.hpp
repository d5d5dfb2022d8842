// SPDX-License-Identifier: Apache-2.0
// Which file system is mounted on which directory.
#pragma once

#include <string_view>

#include "guest-runtime/fs/filesystem.hpp"

namespace husk::fs {

struct Mount {
    Filesystem* filesystem;
    RefPtr<Inode> root;
    RefPtr<Inode> covered;  // null for the root of everything
    Text path;              // for /proc/mounts
    Text source;
};

inline constexpr std::size_t max_mounts = 16;

// EBUSY when something is mounted there already, ENOTDIR. Before any other mount comes the one with `covered` null.
Result<> mount(Filesystem& filesystem, const RefPtr<Inode>& covered, std::string_view path, std::string_view source);
RefPtr<Inode> root_inode();
// The root of what is mounted on `covered`, or null.
RefPtr<Inode> mounted_on(Inode& covered);
// The directory that a file system's root covers, or null for the root of everything.
RefPtr<Inode> covered_by(Inode& root);
[[nodiscard]] bool is_mount_root(Inode& inode);

// Mounts never go away, so a pointer stays good.
const Mount* mount_at(std::size_t index);  // null behind the last

}  // namespace husk::fs
