// SPDX-License-Identifier: Apache-2.0
// System calls that move bytes between a descriptor and memory.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_read(const Call& call);
SysResult sys_write(const Call& call);
SysResult sys_readv(const Call& call);
SysResult sys_writev(const Call& call);
SysResult sys_pread64(const Call& call);
SysResult sys_pwrite64(const Call& call);
SysResult sys_preadv(const Call& call);
SysResult sys_pwritev(const Call& call);
SysResult sys_preadv2(const Call& call);
SysResult sys_pwritev2(const Call& call);
SysResult sys_lseek(const Call& call);
SysResult sys_ioctl(const Call& call);

}  // namespace husk::sys
