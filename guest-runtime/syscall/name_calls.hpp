// SPDX-License-Identifier: Apache-2.0
// System calls that create, remove, move or read names.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_mkdir(const Call& call);
SysResult sys_mkdirat(const Call& call);
SysResult sys_mknod(const Call& call);
SysResult sys_mknodat(const Call& call);
SysResult sys_rmdir(const Call& call);
SysResult sys_unlink(const Call& call);
SysResult sys_unlinkat(const Call& call);
SysResult sys_rename(const Call& call);
SysResult sys_renameat(const Call& call);
SysResult sys_renameat2(const Call& call);
SysResult sys_link(const Call& call);
SysResult sys_linkat(const Call& call);
SysResult sys_symlink(const Call& call);
SysResult sys_symlinkat(const Call& call);
SysResult sys_readlink(const Call& call);
SysResult sys_readlinkat(const Call& call);

}  // namespace husk::sys
