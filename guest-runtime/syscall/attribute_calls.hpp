// SPDX-License-Identifier: Apache-2.0
// System calls that change an inode's permissions, owner or times.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_chmod(const Call& call);
SysResult sys_fchmod(const Call& call);
SysResult sys_fchmodat(const Call& call);
SysResult sys_chown(const Call& call);
SysResult sys_lchown(const Call& call);
SysResult sys_fchown(const Call& call);
SysResult sys_fchownat(const Call& call);
SysResult sys_utime(const Call& call);
SysResult sys_utimes(const Call& call);
SysResult sys_futimesat(const Call& call);
SysResult sys_utimensat(const Call& call);

}  // namespace husk::sys
