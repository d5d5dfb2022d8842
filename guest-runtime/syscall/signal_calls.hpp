// SPDX-License-Identifier: Apache-2.0
// System calls that send, mask, wait for and handle signals.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_rt_sigaction(const Call& call);
SysResult sys_rt_sigprocmask(const Call& call);
SysResult sys_rt_sigreturn(const Call& call);
SysResult sys_rt_sigpending(const Call& call);
SysResult sys_rt_sigsuspend(const Call& call);
SysResult sys_rt_sigtimedwait(const Call& call);
SysResult sys_rt_sigqueueinfo(const Call& call);
SysResult sys_rt_tgsigqueueinfo(const Call& call);
SysResult sys_sigaltstack(const Call& call);
SysResult sys_pause(const Call& call);
SysResult sys_kill(const Call& call);
SysResult sys_tkill(const Call& call);
SysResult sys_tgkill(const Call& call);

}  // namespace husk::sys
