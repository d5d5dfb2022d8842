// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/mount_calls.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/path.hpp"

namespace husk::sys {

SysResult sys_mount(const Call& call) {
    fs::UserPath target;
    HUSK_TRY(target.copy_from(call.pointer<const char>(1)));
    return Errno::eperm;
}

SysResult sys_umount2(const Call& call) {
    constexpr std::uint64_t known = 0xf;  // MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW
    if ((call[1] & ~known) != 0) return Errno::einval;
    fs::UserPath target;
    HUSK_TRY(target.copy_from(call.pointer<const char>(0)));
    return Errno::eperm;
}

SysResult sys_name_to_handle_at(const Call&) { return Errno::eopnotsupp; }
// What Linux says of files that cannot be spliced; programs then copy.
SysResult sys_splice(const Call& call) {
    HUSK_TRY(fs::file_of(call.fd(0)));
    HUSK_TRY(fs::file_of(call.fd(2)));
    return Errno::einval;
}

}  // namespace husk::sys
