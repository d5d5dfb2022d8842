// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/xattr_calls.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/syscall/at_path.hpp"

namespace husk::sys {

namespace {

using Found = Result<RefPtr<fs::Inode>>;

Found followed(const Call& call) { return inode_at(fs::at_cwd, call.pointer<const char>(0), 0); }
Found kept(const Call& call) {
    return inode_at(fs::at_cwd, call.pointer<const char>(0), fs::at_flag::symlink_no_follow);
}
Found opened(const Call& call) {
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(call.fd(0)));
    return RefPtr<fs::Inode>(&file->inode());
}

// An attribute's name, argument 1 of every call.
struct Name {
    char text[256];
    std::string_view view;

    Result<> load(const Call& call) {
        auto length = copy_in_string(text, call[1]);
        if (!length.ok()) return length.error() == Errno::enametoolong ? Errno::erange : length.error();
        if (length.value() == 0) return Errno::erange;
        view = {text, length.value()};
        return {};
    }
};

// Stores a value or a list; a size of 0 only asks how long it is.
Result<std::size_t> hand_out(const fs::Text& text, std::uint64_t to, std::uint64_t room) {
    if (room == 0) return text.size();
    if (room < text.size()) return Errno::erange;
    HUSK_TRY(copy_out(to, text.view().data(), text.size()));
    return text.size();
}

Result<> set(Found found, const Call& call) {
    constexpr std::uint64_t largest = 65536;
    RefPtr<fs::Inode> inode = HUSK_TRY(std::move(found));
    Name name;
    HUSK_TRY(name.load(call));
    if (call[3] > largest) return Errno::e2big;
    if (call[4] > 2) return Errno::einval;
    auto value = HUSK_TRY(fs::HeapArray<char>::create(call[3]));
    if (call[3] != 0) HUSK_TRY(copy_in(value.data(), call[2], call[3]));
    if (inode->filesystem().is_read_only()) return Errno::erofs;
    return inode->set_extended_attribute(name.view, {value.data(), value.size()}, call.integer(4));
}

Result<std::size_t> get(Found found, const Call& call) {
    RefPtr<fs::Inode> inode = HUSK_TRY(std::move(found));
    Name name;
    HUSK_TRY(name.load(call));
    fs::Text value = HUSK_TRY(inode->extended_attribute(name.view));
    return hand_out(value, call[2], call[3]);
}

Result<std::size_t> list(Found found, const Call& call) {
    RefPtr<fs::Inode> inode = HUSK_TRY(std::move(found));
    fs::Text names = HUSK_TRY(inode->extended_attribute_names());
    return hand_out(names, call[1], call[2]);
}

Result<> remove(Found found, const Call& call) {
    RefPtr<fs::Inode> inode = HUSK_TRY(std::move(found));
    Name name;
    HUSK_TRY(name.load(call));
    if (inode->filesystem().is_read_only()) return Errno::erofs;
    return inode->remove_extended_attribute(name.view);
}

}  // namespace

SysResult sys_setxattr(const Call& call) { return set(followed(call), call); }
SysResult sys_lsetxattr(const Call& call) { return set(kept(call), call); }
SysResult sys_fsetxattr(const Call& call) { return set(opened(call), call); }
SysResult sys_getxattr(const Call& call) { return get(followed(call), call); }
SysResult sys_lgetxattr(const Call& call) { return get(kept(call), call); }
SysResult sys_fgetxattr(const Call& call) { return get(opened(call), call); }
SysResult sys_listxattr(const Call& call) { return list(followed(call), call); }
SysResult sys_llistxattr(const Call& call) { return list(kept(call), call); }
SysResult sys_flistxattr(const Call& call) { return list(opened(call), call); }
SysResult sys_removexattr(const Call& call) { return remove(followed(call), call); }
SysResult sys_lremovexattr(const Call& call) { return remove(kept(call), call); }
SysResult sys_fremovexattr(const Call& call) { return remove(opened(call), call); }

}  // namespace husk::sys
