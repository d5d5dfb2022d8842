// SPDX-License-Identifier: Apache-2.0
// The send and recv families.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_sendto(const Call& call);
SysResult sys_sendmsg(const Call& call);
SysResult sys_sendmmsg(const Call& call);
SysResult sys_recvfrom(const Call& call);
SysResult sys_recvmsg(const Call& call);
SysResult sys_recvmmsg(const Call& call);

}  // namespace husk::sys
