// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/mount_calls.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/path.hpp"
#include "guest-runtime/syscall/at_path.hpp"

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

SysResult sys_name_to_handle_at(const Call& call) {
    constexpr std::uint32_t known = fs::at_flag::symlink_follow | fs::at_flag::empty_path;
    auto flags = static_cast<std::uint32_t>(call[4]);
    if ((flags & ~known) != 0) return Errno::einval;
    std::uint32_t last = (flags & fs::at_flag::symlink_follow) != 0 ? 0 : fs::at_flag::symlink_no_follow;
    HUSK_TRY(inode_at(call.fd(0), call.pointer<const char>(1), (flags & fs::at_flag::empty_path) | last));
    return Errno::eopnotsupp;
}
// What Linux says of files that cannot be spliced; programs then copy.
SysResult sys_splice(const Call& call) {
    HUSK_TRY(fs::file_of(call.fd(0)));
    HUSK_TRY(fs::file_of(call.fd(2)));
    return Errno::einval;
}

}  // namespace husk::sys
