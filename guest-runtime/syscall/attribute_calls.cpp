// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/attribute_calls.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/fs/linux_stat.hpp"
#include "guest-runtime/syscall/at_path.hpp"
#include "guest-runtime/syscall/time_types.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::sys {

namespace {

using Path = UserPtr<const char>;

// A new owner must not inherit what set-id bits give: they go, but for a set-group-id bit without execution.
void drop_set_ids(fs::Inode& inode, fs::AttributeChange& change) {
    constexpr std::uint32_t set_user = 04000, set_group = 02000, group_executes = 010;
    std::uint32_t mode = inode.attributes().mode & fs::permission_mask;
    std::uint32_t kept = mode & ~set_user & ~((mode & group_executes) != 0 ? set_group : 0);
    if (kept != mode) change.permissions = kept;
}

Result<> change(fs::Inode& inode, fs::AttributeChange change) {
    if (inode.filesystem().is_read_only()) return Errno::erofs;
    if ((change.user || change.group) && !inode.is_directory()) drop_set_ids(inode, change);
    return inode.change(change);
}

Result<> change_at(int directory_fd, Path path, std::uint64_t at_flags, const fs::AttributeChange& wanted) {
    constexpr std::uint64_t known = fs::at_flag::symlink_no_follow | fs::at_flag::empty_path;
    if ((at_flags & ~known) != 0) return Errno::einval;
    RefPtr<fs::Inode> inode = HUSK_TRY(inode_at(directory_fd, path, static_cast<std::uint32_t>(at_flags)));
    return change(*inode, wanted);
}

Result<> change_open(int fd, const fs::AttributeChange& wanted) {
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(fd));
    return change(file->inode(), wanted);
}

fs::AttributeChange permissions(std::uint64_t mode) {
    fs::AttributeChange change;
    change.permissions = static_cast<std::uint32_t>(mode) & fs::permission_mask;
    return change;
}

// -1 leaves an id as it is.
fs::AttributeChange owner(std::uint64_t user, std::uint64_t group) {
    fs::AttributeChange change;
    if (static_cast<std::uint32_t>(user) != UINT32_MAX) change.user = static_cast<std::uint32_t>(user);
    if (static_cast<std::uint32_t>(group) != UINT32_MAX) change.group = static_cast<std::uint32_t>(group);
    return change;
}

constexpr auto second_ns = static_cast<std::int64_t>(ns_per_second);

// One of utimensat's two times; null where it is to stay.
Result<std::optional<std::int64_t>> wanted_time(const fs::LinuxTime& time) {
    constexpr std::int64_t now = 0x3fff'ffff, omit = 0x3fff'fffe;  // UTIME_NOW, UTIME_OMIT
    if (time.nanoseconds == now) return std::optional(thread::realtime_ns());
    if (time.nanoseconds == omit) return std::optional<std::int64_t>();
    if (time.nanoseconds < 0 || time.nanoseconds >= second_ns) return Errno::einval;
    std::int64_t ns;
    if (__builtin_mul_overflow(time.seconds, second_ns, &ns) || __builtin_add_overflow(ns, time.nanoseconds, &ns)) {
        ns = time.seconds < 0 ? INT64_MIN : INT64_MAX;
    }
    return std::optional(ns);
}

// `unit_ns`: what the second word of each pair counts. A null pointer means now.
Result<fs::AttributeChange> times_from(std::uint64_t pointer, std::int64_t unit_ns) {
    fs::AttributeChange change;
    if (pointer == 0) {
        change.accessed_ns = change.modified_ns = thread::realtime_ns();
        return change;
    }
    fs::LinuxTime times[2];
    HUSK_TRY(copy_in(times, pointer, sizeof times));
    if (unit_ns != 1) {
        for (fs::LinuxTime& time : times) {
            if (time.nanoseconds < 0 || time.nanoseconds >= second_ns / unit_ns) return Errno::einval;
            time.nanoseconds *= unit_ns;
        }
    }
    change.accessed_ns = HUSK_TRY(wanted_time(times[0]));
    change.modified_ns = HUSK_TRY(wanted_time(times[1]));
    return change;
}

Result<> set_times(int directory_fd, Path path, std::uint64_t pointer, std::int64_t unit_ns, std::uint64_t flags) {
    fs::AttributeChange change = HUSK_TRY(times_from(pointer, unit_ns));
    bool nothing = !change.accessed_ns && !change.modified_ns;
    // A null path is the descriptor itself (futimens).
    if (!path) {
        if (directory_fd == fs::at_cwd) return Errno::efault;
        return nothing ? Result<>() : change_open(directory_fd, change);
    }
    return nothing ? Result<>() : change_at(directory_fd, path, flags, change);
}

Result<> set_times_in_seconds(Path path, std::uint64_t pointer) {
    fs::AttributeChange change;
    if (pointer == 0) {
        change.accessed_ns = change.modified_ns = thread::realtime_ns();
    } else {
        std::int64_t seconds[2];
        HUSK_TRY(copy_in(seconds, pointer, sizeof seconds));
        change.accessed_ns = HUSK_TRY(wanted_time({seconds[0], 0}));
        change.modified_ns = HUSK_TRY(wanted_time({seconds[1], 0}));
    }
    return change_at(fs::at_cwd, path, 0, change);
}

}  // namespace

SysResult sys_chmod(const Call& call) {
    return change_at(fs::at_cwd, call.pointer<const char>(0), 0, permissions(call[1]));
}
SysResult sys_fchmod(const Call& call) { return change_open(call.fd(0), permissions(call[1])); }
SysResult sys_fchmodat(const Call& call) {
    return change_at(call.fd(0), call.pointer<const char>(1), 0, permissions(call[2]));
}
SysResult sys_chown(const Call& call) {
    return change_at(fs::at_cwd, call.pointer<const char>(0), 0, owner(call[1], call[2]));
}
SysResult sys_lchown(const Call& call) {
    return change_at(fs::at_cwd, call.pointer<const char>(0), fs::at_flag::symlink_no_follow, owner(call[1], call[2]));
}
SysResult sys_fchown(const Call& call) { return change_open(call.fd(0), owner(call[1], call[2])); }
SysResult sys_fchownat(const Call& call) {
    return change_at(call.fd(0), call.pointer<const char>(1), call[4], owner(call[2], call[3]));
}
SysResult sys_utime(const Call& call) { return set_times_in_seconds(call.pointer<const char>(0), call[1]); }
SysResult sys_utimes(const Call& call) { return set_times(fs::at_cwd, call.pointer<const char>(0), call[1], 1000, 0); }
SysResult sys_futimesat(const Call& call) {
    return set_times(call.fd(0), call.pointer<const char>(1), call[2], 1000, 0);
}
SysResult sys_utimensat(const Call& call) {
    return set_times(call.fd(0), call.pointer<const char>(1), call[2], 1, call[3]);
}

}  // namespace husk::sys
