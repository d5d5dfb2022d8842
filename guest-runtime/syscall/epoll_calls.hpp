// SPDX-License-Identifier: Apache-2.0
// The epoll family.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_epoll_create(const Call& call);
SysResult sys_epoll_create1(const Call& call);
SysResult sys_epoll_ctl(const Call& call);
SysResult sys_epoll_wait(const Call& call);
SysResult sys_epoll_pwait(const Call& call);
SysResult sys_epoll_pwait2(const Call& call);

}  // namespace husk::sys
