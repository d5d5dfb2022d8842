// SPDX-License-Identifier: Apache-2.0
// System calls on extended attributes.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_setxattr(const Call& call);
SysResult sys_lsetxattr(const Call& call);
SysResult sys_fsetxattr(const Call& call);
SysResult sys_getxattr(const Call& call);
SysResult sys_lgetxattr(const Call& call);
SysResult sys_fgetxattr(const Call& call);
SysResult sys_listxattr(const Call& call);
SysResult sys_llistxattr(const Call& call);
SysResult sys_flistxattr(const Call& call);
SysResult sys_removexattr(const Call& call);
SysResult sys_lremovexattr(const Call& call);
SysResult sys_fremovexattr(const Call& call);

}  // namespace husk::sys
