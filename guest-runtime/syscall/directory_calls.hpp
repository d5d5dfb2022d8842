// SPDX-License-Identifier: Apache-2.0
// System calls on directories: listing, and the process's working directory.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_getdents(const Call& call);
SysResult sys_getdents64(const Call& call);
SysResult sys_getcwd(const Call& call);
SysResult sys_chdir(const Call& call);
SysResult sys_fchdir(const Call& call);
SysResult sys_chroot(const Call& call);
SysResult sys_umask(const Call& call);

}  // namespace husk::sys
