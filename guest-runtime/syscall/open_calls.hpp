// SPDX-License-Identifier: Apache-2.0
// System calls that make a descriptor from a path.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_open(const Call& call);
SysResult sys_openat(const Call& call);
SysResult sys_openat2(const Call& call);
SysResult sys_creat(const Call& call);

}  // namespace husk::sys
