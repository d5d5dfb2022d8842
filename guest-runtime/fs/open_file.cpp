// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/open_file.hpp"

#include "guest-runtime/fs/directory_file.hpp"
#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/path.hpp"
#include "guest-runtime/fs/process_view.hpp"
#include "guest-runtime/fs/regular_file.hpp"

namespace husk::fs {

namespace {

// What stays visible through F_GETFL.
constexpr std::uint32_t forgotten =
    open_flag::create | open_flag::exclusive | open_flag::no_tty | open_flag::truncate | open_flag::close_on_exec;

bool wants_write(std::uint32_t flags) { return (flags & open_flag::access_mask) != open_flag::read_only; }

std::uint32_t permissions_of(std::uint32_t wanted) { return wanted & permission_mask & ~umask(); }

Result<RefPtr<File>> open_unnamed(const RefPtr<Inode>& directory, std::uint32_t flags, std::uint32_t permissions) {
    if (!directory) return Errno::enoent;
    if (!directory->is_directory()) return Errno::enotdir;
    if (directory->filesystem().is_read_only()) return Errno::erofs;
    RefPtr<Inode> inode;
    {
        Guard guard(directory->filesystem().structure());
        inode = HUSK_TRY(directory->create_unnamed(permissions_of(permissions)));
    }
    return inode->open(flags & ~(forgotten | open_flag::unnamed));
}

// Makes the missing last component; another thread may have been faster.
Result<bool> create_missing(Resolution& at, std::uint32_t flags, std::uint32_t permissions) {
    if ((flags & open_flag::create) == 0 || !at.directory) return Errno::enoent;
    if (at.must_be_directory) return Errno::eisdir;
    if (at.directory->filesystem().is_read_only()) return Errno::erofs;
    Guard guard(at.directory->filesystem().structure());
    auto created = at.directory->create(at.name.view(), {.permissions = permissions_of(permissions), .target = {}});
    if (created.ok()) {
        at.inode = std::move(created).value();
        return true;
    }
    if (created.error() != Errno::eexist || (flags & open_flag::exclusive) != 0) return created.error();
    at.inode = HUSK_TRY(at.directory->lookup(at.name.view()));
    return false;
}

// What open(2) refuses to do with an object that is there already.
Result<> check_existing(Inode& inode, std::uint32_t flags) {
    constexpr std::uint32_t create_new = open_flag::create | open_flag::exclusive;
    bool path_only = (flags & open_flag::path_only) != 0;
    if ((flags & create_new) == create_new) return Errno::eexist;
    if (inode.type() == FileType::symlink) {
        if ((flags & open_flag::directory) != 0) return Errno::enotdir;
        return path_only ? Result<>() : Errno::eloop;
    }
    if ((flags & open_flag::directory) != 0 && !inode.is_directory()) return Errno::enotdir;
    if (path_only) return {};
    constexpr std::uint32_t changes = open_flag::create | open_flag::truncate;
    if (inode.is_directory() && (wants_write(flags) || (flags & changes) != 0)) return Errno::eisdir;
    if (inode.is_regular() && (wants_write(flags) || (flags & open_flag::truncate) != 0) &&
        inode.filesystem().is_read_only()) {
        return Errno::erofs;
    }
    return {};
}

}  // namespace

Result<> check_open_flags(std::uint32_t flags) {
    if ((flags & open_flag::path_only) != 0) return {};
    bool unnamed = (flags & open_flag::unnamed) == open_flag::unnamed;
    if (unnamed) return wants_write(flags) ? Result<>() : Errno::einval;
    bool both = (flags & open_flag::create) != 0 && (flags & open_flag::directory) != 0;
    return both ? Errno::einval : Result<>();
}

Result<RefPtr<File>> open_file(RefPtr<Inode> start, std::string_view path, std::uint32_t flags,
                               std::uint32_t permissions) {
    if ((flags & open_flag::path_only) != 0) {
        flags &= open_flag::path_only | open_flag::directory | open_flag::no_follow | open_flag::close_on_exec;
    }
    bool unnamed = (flags & open_flag::unnamed) == open_flag::unnamed;
    bool creates = (flags & open_flag::create) != 0 && !unnamed;
    // With O_CREAT a slash at the end asks for a directory, which open(2) does not make.
    if (creates && path.ends_with('/')) {
        HUSK_TRY(resolve(std::move(start), path, LastLink::name));
        return Errno::eisdir;
    }
    bool keeps_link = (flags & open_flag::no_follow) != 0 || (creates && (flags & open_flag::exclusive) != 0);
    LastLink last = keeps_link ? LastLink::keep : creates ? LastLink::create : LastLink::follow;
    Resolution at = HUSK_TRY(resolve(std::move(start), path, last));
    if (unnamed) return open_unnamed(at.inode, flags, permissions);

    bool created = false;
    if (!at.inode) created = HUSK_TRY(create_missing(at, flags, permissions));
    if (!created) HUSK_TRY(check_existing(*at.inode, flags));
    if (!created && at.inode->is_regular() && (flags & open_flag::truncate) != 0) HUSK_TRY(resize_file(*at.inode, 0));

    RefPtr<File> file;
    if ((flags & open_flag::path_only) != 0) {
        file = HUSK_TRY((make_ref_as<File, PathFile>(at.inode, flags & ~open_flag::close_on_exec)));
    } else {
        file = HUSK_TRY(at.inode->open((flags & ~forgotten) | open_flag::large_file));
    }
    if (at.directory) HUSK_TRY(file->set_place(std::move(at.directory), at.name.view()));
    return file;
}

}  // namespace husk::fs
