// SPDX-License-Identifier: Apache-2.0
// futex(2) and the robust lists that go with it.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_futex(const Call& call);
SysResult sys_set_robust_list(const Call& call);
SysResult sys_get_robust_list(const Call& call);

// Marks the robust futexes of the exiting thread as orphaned and wakes one waiter of each.
void release_robust_futexes();

}  // namespace husk::sys
