// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/name_calls.hpp"

#include <algorithm>

#include "guest-runtime/fs/name_operations.hpp"
#include "guest-runtime/fs/process_view.hpp"
#include "guest-runtime/syscall/at_path.hpp"

namespace husk::sys {

namespace {

using Path = UserPtr<const char>;

// A path and where its last component is, or is to be.
struct Place {
    fs::UserPath path;
    fs::Resolution at;

    Result<> find(int directory_fd, Path from) {
        HUSK_TRY(path.copy_from(from));
        at = HUSK_TRY(resolve_at(directory_fd, path.view(), fs::LastLink::name));
        return {};
    }
};

std::uint32_t masked(std::uint64_t mode) {
    return static_cast<std::uint32_t>(mode) & fs::permission_mask & ~fs::umask();
}

Result<> make_directory(int directory_fd, Path path, std::uint64_t mode) {
    Place place;
    HUSK_TRY(place.find(directory_fd, path));
    HUSK_TRY(fs::create_name(place.at,
                             {.type = fs::FileType::directory, .permissions = masked(mode) & 01777, .target = {}}));
    return {};
}

Result<> make_node(int directory_fd, Path path, std::uint64_t mode, std::uint64_t device) {
    auto type = static_cast<fs::FileType>(mode & fs::file_type_mask);
    switch (type) {
        case fs::FileType::none:
            type = fs::FileType::regular;
            break;
        case fs::FileType::regular:
        case fs::FileType::fifo:
        case fs::FileType::character:
        case fs::FileType::block:
        case fs::FileType::socket:
            break;
        case fs::FileType::directory:
            return Errno::eperm;
        default:
            return Errno::einval;
    }
    Place place;
    HUSK_TRY(place.find(directory_fd, path));
    bool is_device = type == fs::FileType::character || type == fs::FileType::block;
    HUSK_TRY(fs::create_name(
        place.at,
        {.type = type, .permissions = masked(mode), .represented_device = is_device ? device : 0, .target = {}}));
    return {};
}

Result<> remove_name(int directory_fd, Path path, bool directory) {
    Place place;
    HUSK_TRY(place.find(directory_fd, path));
    return directory ? fs::remove_directory_name(place.at, place.path.view()) : fs::unlink_name(place.at);
}

Result<> rename(int from_fd, Path from, int to_fd, Path to, std::uint64_t flags) {
    constexpr std::uint64_t no_replace = 1, exchange = 2;
    fs::RenameMode mode = fs::RenameMode::replace;
    switch (flags) {
        case 0:
            break;
        case no_replace:
            mode = fs::RenameMode::no_replace;
            break;
        case exchange:
            mode = fs::RenameMode::exchange;
            break;
        default:
            return Errno::einval;
    }
    Place source;
    Place target;
    HUSK_TRY(source.find(from_fd, from));
    HUSK_TRY(target.find(to_fd, to));
    return fs::rename_name(source.at, target.at, mode);
}

Result<> link(int from_fd, Path from, int to_fd, Path to, std::uint64_t flags) {
    constexpr std::uint64_t known = fs::at_flag::symlink_follow | fs::at_flag::empty_path;
    if ((flags & ~known) != 0) return Errno::einval;
    auto at_flags = static_cast<std::uint32_t>(flags & fs::at_flag::empty_path);
    if ((flags & fs::at_flag::symlink_follow) == 0) at_flags |= fs::at_flag::symlink_no_follow;
    RefPtr<fs::Inode> target = HUSK_TRY(inode_at(from_fd, from, at_flags));
    Place place;
    HUSK_TRY(place.find(to_fd, to));
    return fs::link_name(place.at, *target);
}

Result<> make_symlink(Path target, int directory_fd, Path path) {
    fs::UserPath text;
    HUSK_TRY(text.copy_from(target));
    if (text.view().empty()) return Errno::enoent;
    Place place;
    HUSK_TRY(place.find(directory_fd, path));
    HUSK_TRY(fs::create_name(place.at, {.type = fs::FileType::symlink, .permissions = 0777, .target = text.view()}));
    return {};
}

bool is_empty(Path path) {
    char first = 1;
    return copy_in(&first, path.address(), 1).ok() && first == 0;
}

Result<std::size_t> read_link(int directory_fd, Path path, std::uint64_t to, std::int64_t room) {
    if (room <= 0) return Errno::einval;
    // An empty path is an O_PATH descriptor of the link itself.
    RefPtr<fs::Inode> inode =
        HUSK_TRY(inode_at(directory_fd, path, fs::at_flag::symlink_no_follow | fs::at_flag::empty_path));
    if (inode->type() != fs::FileType::symlink) return is_empty(path) ? Errno::enoent : Errno::einval;
    fs::Text target = HUSK_TRY(inode->target());
    std::size_t size = std::min(target.size(), static_cast<std::size_t>(room));
    HUSK_TRY(copy_out(to, target.view().data(), size));
    return size;
}

}  // namespace

SysResult sys_mkdir(const Call& call) { return make_directory(fs::at_cwd, call.pointer<const char>(0), call[1]); }
SysResult sys_mkdirat(const Call& call) { return make_directory(call.fd(0), call.pointer<const char>(1), call[2]); }
SysResult sys_mknod(const Call& call) {
    return make_node(fs::at_cwd, call.pointer<const char>(0), call[1], static_cast<std::uint32_t>(call[2]));
}
SysResult sys_mknodat(const Call& call) {
    return make_node(call.fd(0), call.pointer<const char>(1), call[2], static_cast<std::uint32_t>(call[3]));
}
SysResult sys_rmdir(const Call& call) { return remove_name(fs::at_cwd, call.pointer<const char>(0), true); }
SysResult sys_unlink(const Call& call) { return remove_name(fs::at_cwd, call.pointer<const char>(0), false); }
SysResult sys_unlinkat(const Call& call) {
    if ((call[2] & ~std::uint64_t{fs::at_flag::remove_directory}) != 0) return Errno::einval;
    return remove_name(call.fd(0), call.pointer<const char>(1), call[2] != 0);
}
SysResult sys_rename(const Call& call) {
    return rename(fs::at_cwd, call.pointer<const char>(0), fs::at_cwd, call.pointer<const char>(1), 0);
}
SysResult sys_renameat(const Call& call) {
    return rename(call.fd(0), call.pointer<const char>(1), call.fd(2), call.pointer<const char>(3), 0);
}
SysResult sys_renameat2(const Call& call) {
    return rename(call.fd(0), call.pointer<const char>(1), call.fd(2), call.pointer<const char>(3), call[4]);
}
SysResult sys_link(const Call& call) {
    return link(fs::at_cwd, call.pointer<const char>(0), fs::at_cwd, call.pointer<const char>(1), 0);
}
SysResult sys_linkat(const Call& call) {
    return link(call.fd(0), call.pointer<const char>(1), call.fd(2), call.pointer<const char>(3), call[4]);
}
SysResult sys_symlink(const Call& call) {
    return make_symlink(call.pointer<const char>(0), fs::at_cwd, call.pointer<const char>(1));
}
SysResult sys_symlinkat(const Call& call) {
    return make_symlink(call.pointer<const char>(0), call.fd(1), call.pointer<const char>(2));
}
SysResult sys_readlink(const Call& call) {
    return read_link(fs::at_cwd, call.pointer<const char>(0), call[1], call.integer(2));
}
SysResult sys_readlinkat(const Call& call) {
    return read_link(call.fd(0), call.pointer<const char>(1), call[2], call.integer(3));
}

}  // namespace husk::sys
