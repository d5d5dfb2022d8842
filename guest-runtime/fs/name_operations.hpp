// SPDX-License-Identifier: Apache-2.0
// Creating, removing and moving names, with the checks that every file system has in common.
#pragma once

#include "guest-runtime/fs/path.hpp"

namespace husk::fs {

// Each takes the resolution of a path made with LastLink::name.
// EEXIST, ENOENT, EROFS. Directories may have a slash behind their name, others may not.
Result<RefPtr<Inode>> create_name(Resolution& at, const NewInode& wanted);
Result<> link_name(Resolution& at, Inode& target);
Result<> unlink_name(Resolution& at);
// `path` decides between EINVAL ("."), ENOTEMPTY ("..") and EBUSY ("/").
Result<> remove_directory_name(Resolution& at, std::string_view path);
Result<> rename_name(Resolution& from, Resolution& to, RenameMode mode);

}  // namespace husk::fs
