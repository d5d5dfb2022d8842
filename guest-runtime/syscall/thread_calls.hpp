// SPDX-License-Identifier: Apache-2.0
// System calls that make and end threads and say who they are.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_clone(const Call& call);
SysResult sys_clone3(const Call& call);
SysResult sys_exit(const Call& call);
SysResult sys_exit_group(const Call& call);
SysResult sys_set_tid_address(const Call& call);
SysResult sys_gettid(const Call& call);
SysResult sys_arch_prctl(const Call& call);
SysResult sys_prctl(const Call& call);
SysResult sys_fork(const Call& call);  // also vfork
SysResult sys_execve(const Call& call);
SysResult sys_execveat(const Call& call);

}  // namespace husk::sys
