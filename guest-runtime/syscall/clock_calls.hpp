// SPDX-License-Identifier: Apache-2.0
// System calls that read, set and sleep by clocks.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_clock_gettime(const Call& call);
SysResult sys_clock_settime(const Call& call);
SysResult sys_clock_getres(const Call& call);
SysResult sys_clock_nanosleep(const Call& call);
SysResult sys_nanosleep(const Call& call);
SysResult sys_gettimeofday(const Call& call);
SysResult sys_settimeofday(const Call& call);
SysResult sys_time(const Call& call);
SysResult sys_times(const Call& call);

}  // namespace husk::sys
