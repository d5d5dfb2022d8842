// SPDX-License-Identifier: Apache-2.0
// System calls that make descriptors from nothing: pipes, events, timers, signals, memory files.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_pipe(const Call& call);
SysResult sys_pipe2(const Call& call);
SysResult sys_eventfd(const Call& call);
SysResult sys_eventfd2(const Call& call);
SysResult sys_timerfd_create(const Call& call);
SysResult sys_timerfd_settime(const Call& call);
SysResult sys_timerfd_gettime(const Call& call);
SysResult sys_signalfd(const Call& call);
SysResult sys_signalfd4(const Call& call);
SysResult sys_memfd_create(const Call& call);
SysResult sys_getrandom(const Call& call);

}  // namespace husk::sys
