// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/name_operations.hpp"

#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/fs/mount_table.hpp"

namespace husk::fs {

namespace {

Result<> check_vacant(const Resolution& at) {
    if (at.inode || !at.directory) return Errno::eexist;
    if (at.directory->filesystem().is_read_only()) return Errno::erofs;
    return {};
}

bool is_pinned(Inode& inode) { return inode.is_mount_point() || is_mount_root(inode); }

// With the structure lock held: whether `ancestor` is `directory` or above it.
bool is_at_or_above(Inode& ancestor, Inode& directory) {
    RefPtr<Inode> inode(&directory);
    while (inode && inode.get() != &ancestor) {
        RefPtr<Inode> parent = inode->parent();
        if (parent == inode) return false;
        inode = std::move(parent);
    }
    return static_cast<bool>(inode);
}

}  // namespace

Result<RefPtr<Inode>> create_name(Resolution& at, const NewInode& wanted) {
    HUSK_TRY(check_vacant(at));
    if (at.must_be_directory && wanted.type != FileType::directory) return Errno::enoent;
    Guard guard(at.directory->filesystem().structure());
    return at.directory->create(at.name.view(), wanted);
}

Result<> link_name(Resolution& at, Inode& target) {
    HUSK_TRY(check_vacant(at));
    if (at.must_be_directory) return Errno::enoent;
    if (&at.directory->filesystem() != &target.filesystem()) return Errno::exdev;
    if (target.is_directory()) return Errno::eperm;
    Guard guard(at.directory->filesystem().structure());
    return at.directory->link(at.name.view(), target);
}

Result<> unlink_name(Resolution& at) {
    if (!at.directory) return Errno::eisdir;
    if (!at.inode) return Errno::enoent;
    if (at.inode->is_directory()) return Errno::eisdir;
    if (at.must_be_directory) return Errno::enotdir;
    if (at.directory->filesystem().is_read_only()) return Errno::erofs;
    Guard guard(at.directory->filesystem().structure());
    return at.directory->unlink(at.name.view());
}

Result<> remove_directory_name(Resolution& at, std::string_view path) {
    if (!at.directory) {
        while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
        if (path.ends_with("..")) return Errno::enotempty;
        return path.ends_with('.') ? Errno::einval : Errno::ebusy;
    }
    if (!at.inode) return Errno::enoent;
    if (!at.inode->is_directory()) return Errno::enotdir;
    if (is_pinned(*at.inode)) return Errno::ebusy;
    if (at.directory->filesystem().is_read_only()) return Errno::erofs;
    Guard guard(at.directory->filesystem().structure());
    return at.directory->remove_directory(at.name.view());
}

Result<> rename_name(Resolution& from, Resolution& to, RenameMode mode) {
    if (!from.directory) return Errno::ebusy;
    if (!to.directory) return mode == RenameMode::no_replace ? Errno::eexist : Errno::ebusy;
    if (&from.directory->filesystem() != &to.directory->filesystem()) return Errno::exdev;
    if (from.directory->filesystem().is_read_only()) return Errno::erofs;
    if (!from.inode) return Errno::enoent;
    if (mode == RenameMode::no_replace && to.inode) return Errno::eexist;
    if (mode == RenameMode::exchange) {
        if (!to.inode) return Errno::enoent;
        if (!to.inode->is_directory() && to.must_be_directory) return Errno::enotdir;
    }
    if (!from.inode->is_directory()) {
        if (from.must_be_directory) return Errno::enotdir;
        if (to.must_be_directory && mode != RenameMode::exchange) return Errno::enotdir;
    }
    if (is_pinned(*from.inode) || (to.inode && is_pinned(*to.inode))) return Errno::ebusy;
    Guard guard(from.directory->filesystem().structure());
    if (from.inode->is_directory() && is_at_or_above(*from.inode, *to.directory)) return Errno::einval;
    if (to.inode && to.inode->is_directory() && is_at_or_above(*to.inode, *from.directory)) {
        return mode == RenameMode::exchange ? Errno::einval : Errno::enotempty;
    }
    return from.directory->rename(from.name.view(), *to.directory, to.name.view(), mode);
}

}  // namespace husk::fs
