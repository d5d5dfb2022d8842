// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/mount_calls.hpp"

namespace husk::sys {

SysResult sys_mount(const Call&) { return Errno::eperm; }
SysResult sys_umount2(const Call&) { return Errno::eperm; }
SysResult sys_name_to_handle_at(const Call&) { return Errno::eopnotsupp; }
// What Linux says of files that cannot be spliced; programs then copy.
SysResult sys_splice(const Call&) { return Errno::einval; }

}  // namespace husk::sys
