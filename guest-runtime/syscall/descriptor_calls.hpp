// SPDX-License-Identifier: Apache-2.0
// System calls on descriptors themselves: closing, duplicating, fcntl.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_close(const Call& call);
SysResult sys_close_range(const Call& call);
SysResult sys_dup(const Call& call);
SysResult sys_dup2(const Call& call);
SysResult sys_dup3(const Call& call);
SysResult sys_fcntl(const Call& call);
SysResult sys_flock(const Call& call);

}  // namespace husk::sys
