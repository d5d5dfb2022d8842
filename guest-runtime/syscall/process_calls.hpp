// SPDX-License-Identifier: Apache-2.0
// System calls about the process, its user, its limits and the machine.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_getpid(const Call& call);
SysResult sys_zero(const Call& call);  // getuid and the like, getppid: there is only root and no parent
SysResult sys_getpgid(const Call& call);
SysResult sys_set_ids(const Call& call);  // setuid(0) and the like succeed, other users do not exist
SysResult sys_getresuid(const Call& call);
SysResult sys_getgroups(const Call& call);
SysResult sys_wait4(const Call& call);
SysResult sys_waitid(const Call& call);
SysResult sys_uname(const Call& call);
SysResult sys_sysinfo(const Call& call);
SysResult sys_getrlimit(const Call& call);
SysResult sys_setrlimit(const Call& call);
SysResult sys_prlimit64(const Call& call);
SysResult sys_getrusage(const Call& call);
SysResult sys_sched_yield(const Call& call);
SysResult sys_sched_getaffinity(const Call& call);
SysResult sys_sched_setaffinity(const Call& call);
SysResult sys_sched_getparam(const Call& call);
SysResult sys_sched_getscheduler(const Call& call);
SysResult sys_sched_priority_bound(const Call& call);
SysResult sys_accept_quietly(const Call& call);  // asks for something that makes no difference here
SysResult sys_getpriority(const Call& call);
SysResult sys_getcpu(const Call& call);
SysResult sys_membarrier(const Call& call);
SysResult sys_capget(const Call& call);
SysResult sys_sethostname(const Call& call);
SysResult sys_syslog(const Call& call);
SysResult sys_reboot(const Call& call);

}  // namespace husk::sys
