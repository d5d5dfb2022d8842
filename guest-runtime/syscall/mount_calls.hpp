// SPDX-License-Identifier: Apache-2.0
// System calls about mounts and file handles, which the application may not have.
#pragma once

#include "guest-runtime/syscall/call.hpp"

namespace husk::sys {

SysResult sys_mount(const Call& call);
SysResult sys_umount2(const Call& call);
SysResult sys_name_to_handle_at(const Call& call);
SysResult sys_splice(const Call& call);

}  // namespace husk::sys
