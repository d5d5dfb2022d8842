// SPDX-License-Identifier: Apache-2.0
// The (directory descriptor, path) pair of the *at system calls, resolved.
#pragma once

#include "guest-runtime/fs/path.hpp"

namespace husk::sys {

// Where a relative `path` starts: AT_FDCWD or an open directory. ENOENT for an empty one, EBADF, ENOTDIR.
Result<RefPtr<fs::Inode>> start_of(int directory_fd, std::string_view path);

// The object that the pair names. at_flag::empty_path: an empty path is the descriptor's own object.
Result<RefPtr<fs::Inode>> inode_at(int directory_fd, UserPtr<const char> path, std::uint32_t at_flags);
// The same with the last component apart, for calls that create or remove it.
Result<fs::Resolution> resolve_at(int directory_fd, std::string_view path, fs::LastLink last);

}  // namespace husk::sys
