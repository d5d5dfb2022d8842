// SPDX-License-Identifier: Apache-2.0
// Calls that succeed without an effect, as one process of root's in a VM needs none: their arguments are checked as
// Linux does.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_setpgid(const Call& call);
SysResult sys_setgroups(const Call& call);
SysResult sys_capset(const Call& call);
SysResult sys_setpriority(const Call& call);
SysResult sys_setdomainname(const Call& call);
SysResult sys_ioprio_set(const Call& call);
SysResult sys_sched_setattr(const Call& call);
SysResult sys_sched_setparam(const Call& call);
SysResult sys_sched_setscheduler(const Call& call);

}  // namespace husk::sys
