// SPDX-License-Identifier: Apache-2.0
// System calls that wait for descriptors: poll, select and their variants with a signal mask.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_poll(const Call& call);
SysResult sys_ppoll(const Call& call);
SysResult sys_select(const Call& call);
SysResult sys_pselect6(const Call& call);

}  // namespace husk::sys
