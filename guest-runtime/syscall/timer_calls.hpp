// SPDX-License-Identifier: Apache-2.0
// System calls for timers that send signals: timer_create(2) and its kin, setitimer, alarm.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_timer_create(const Call& call);
SysResult sys_timer_settime(const Call& call);
SysResult sys_timer_gettime(const Call& call);
SysResult sys_timer_getoverrun(const Call& call);
SysResult sys_timer_delete(const Call& call);
SysResult sys_setitimer(const Call& call);
SysResult sys_getitimer(const Call& call);
SysResult sys_alarm(const Call& call);

}  // namespace husk::sys
