// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/stat_calls.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/fs/linux_stat.hpp"
#include "guest-runtime/fs/mount_table.hpp"
#include "guest-runtime/syscall/at_path.hpp"

namespace husk::sys {

namespace {

Result<> stat_at(int directory_fd, UserPtr<const char> path, UserPtr<fs::LinuxStat> to, std::uint32_t flags) {
    constexpr std::uint32_t known =
        fs::at_flag::symlink_no_follow | fs::at_flag::no_automount | fs::at_flag::empty_path;
    if ((flags & ~known) != 0) return Errno::einval;
    RefPtr<fs::Inode> inode = HUSK_TRY(inode_at(directory_fd, path, flags));
    return to.store(fs::to_linux_stat(inode->attributes(), inode->filesystem().device()));
}

Result<> statx_at(const Call& call) {
    constexpr std::uint32_t known = fs::at_flag::symlink_no_follow | fs::at_flag::no_automount |
                                    fs::at_flag::empty_path | fs::at_flag::statx_sync_type;
    constexpr std::uint32_t reserved_mask = 1u << 31;
    auto flags = static_cast<std::uint32_t>(call[2]);
    if ((flags & ~known) != 0 || (flags & fs::at_flag::statx_sync_type) == fs::at_flag::statx_sync_type ||
        (call[3] & reserved_mask) != 0) {
        return Errno::einval;
    }
    RefPtr<fs::Inode> inode = HUSK_TRY(inode_at(call.fd(0), call.pointer<const char>(1), flags));
    fs::LinuxStatx statx = fs::to_linux_statx(inode->attributes(), inode->filesystem().device());
    constexpr std::uint64_t mount_root = 0x2000;  // STATX_ATTR_MOUNT_ROOT
    statx.stx_attributes_mask = mount_root;
    statx.stx_attributes = fs::is_mount_root(*inode) ? mount_root : 0;
    return call.pointer<fs::LinuxStatx>(4).store(statx);
}

// As for root: everything may be read and written; executing wants one x bit on what is no directory.
Result<> access_at(int directory_fd, UserPtr<const char> path, std::uint64_t mode, std::uint32_t flags) {
    constexpr std::uint64_t execute = 1, write = 2, read = 4;
    constexpr std::uint32_t known =
        fs::at_flag::effective_access | fs::at_flag::symlink_no_follow | fs::at_flag::empty_path;
    if ((mode & ~(execute | write | read)) != 0 || (flags & ~known) != 0) return Errno::einval;
    RefPtr<fs::Inode> inode = HUSK_TRY(inode_at(directory_fd, path, flags));
    if ((mode & execute) != 0 && !inode->is_directory() && (inode->attributes().mode & 0111) == 0) return Errno::eacces;
    bool special = inode->type() == fs::FileType::character || inode->type() == fs::FileType::fifo;
    if ((mode & write) != 0 && !special && inode->filesystem().is_read_only()) return Errno::erofs;
    return {};
}

Result<> store_counts(fs::Inode& inode, UserPtr<fs::LinuxStatfs> to) {
    fs::Filesystem& filesystem = inode.filesystem();
    fs::FilesystemCounts counts = filesystem.counts();
    constexpr std::int64_t valid = 0x20, read_only = 0x1;  // ST_VALID, ST_RDONLY
    fs::LinuxStatfs result = {};
    result.f_type = static_cast<std::int64_t>(counts.magic);
    result.f_bsize = result.f_frsize = static_cast<std::int64_t>(counts.block_bytes);
    result.f_blocks = counts.blocks;
    result.f_bfree = result.f_bavail = counts.blocks_free;
    result.f_files = counts.inodes;
    result.f_ffree = counts.inodes_free;
    result.f_fsid[0] = static_cast<std::int32_t>(filesystem.device());
    result.f_namelen = fs::max_name_bytes;
    result.f_flags = valid | (filesystem.is_read_only() ? read_only : 0);
    return to.store(result);
}

Result<> fstat(const Call& call) {
    RefPtr<fs::File> file = HUSK_TRY(fs::place_of(call.fd(0)));
    std::uint64_t device = file->inode().filesystem().device();
    return call.pointer<fs::LinuxStat>(1).store(fs::to_linux_stat(file->attributes(), device));
}

Result<> statfs(const Call& call) {
    RefPtr<fs::Inode> inode = HUSK_TRY(inode_at(fs::at_cwd, call.pointer<const char>(0), 0));
    return store_counts(*inode, call.pointer<fs::LinuxStatfs>(1));
}

Result<> fstatfs(const Call& call) {
    RefPtr<fs::File> file = HUSK_TRY(fs::place_of(call.fd(0)));
    return store_counts(file->inode(), call.pointer<fs::LinuxStatfs>(1));
}

}  // namespace

SysResult sys_stat(const Call& call) {
    return stat_at(fs::at_cwd, call.pointer<const char>(0), call.pointer<fs::LinuxStat>(1), 0);
}
SysResult sys_lstat(const Call& call) {
    return stat_at(fs::at_cwd, call.pointer<const char>(0), call.pointer<fs::LinuxStat>(1),
                   fs::at_flag::symlink_no_follow);
}
SysResult sys_fstat(const Call& call) { return fstat(call); }
SysResult sys_newfstatat(const Call& call) {
    return stat_at(call.fd(0), call.pointer<const char>(1), call.pointer<fs::LinuxStat>(2),
                   static_cast<std::uint32_t>(call[3]));
}
SysResult sys_statx(const Call& call) { return statx_at(call); }
SysResult sys_access(const Call& call) { return access_at(fs::at_cwd, call.pointer<const char>(0), call[1], 0); }
SysResult sys_faccessat(const Call& call) { return access_at(call.fd(0), call.pointer<const char>(1), call[2], 0); }
SysResult sys_faccessat2(const Call& call) {
    return access_at(call.fd(0), call.pointer<const char>(1), call[2], static_cast<std::uint32_t>(call[3]));
}
SysResult sys_statfs(const Call& call) { return statfs(call); }
SysResult sys_fstatfs(const Call& call) { return fstatfs(call); }

}  // namespace husk::sys
