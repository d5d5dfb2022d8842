// SPDX-License-Identifier: Apache-2.0
// System calls that look at an inode's attributes, or at its file system's.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_stat(const Call& call);
SysResult sys_lstat(const Call& call);
SysResult sys_fstat(const Call& call);
SysResult sys_newfstatat(const Call& call);
SysResult sys_statx(const Call& call);
SysResult sys_access(const Call& call);
SysResult sys_faccessat(const Call& call);
SysResult sys_faccessat2(const Call& call);
SysResult sys_statfs(const Call& call);
SysResult sys_fstatfs(const Call& call);

}  // namespace husk::sys
