// SPDX-License-Identifier: Apache-2.0
// System calls on the address space.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_mmap(const Call& call);
SysResult sys_munmap(const Call& call);
SysResult sys_mprotect(const Call& call);
SysResult sys_mremap(const Call& call);
SysResult sys_brk(const Call& call);
SysResult sys_madvise(const Call& call);
SysResult sys_mincore(const Call& call);
SysResult sys_msync(const Call& call);
SysResult sys_mlock(const Call& call);
SysResult sys_mlock2(const Call& call);
SysResult sys_munlock(const Call& call);
SysResult sys_mlockall(const Call& call);
SysResult sys_munlockall(const Call& call);
SysResult sys_mbind(const Call& call);
SysResult sys_set_mempolicy(const Call& call);
SysResult sys_get_mempolicy(const Call& call);

}  // namespace husk::sys
