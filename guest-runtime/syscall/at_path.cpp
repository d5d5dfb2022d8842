// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/at_path.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/process_view.hpp"

namespace husk::sys {

Result<RefPtr<fs::Inode>> start_of(int directory_fd, std::string_view path) {
    if (path.empty()) return Errno::enoent;
    if (directory_fd == fs::at_cwd || path.starts_with('/')) return fs::working_directory();
    RefPtr<fs::File> file = HUSK_TRY(fs::place_of(directory_fd));
    if (!file->inode().is_directory()) return Errno::enotdir;
    return RefPtr<fs::Inode>(&file->inode());
}

Result<RefPtr<fs::Inode>> inode_at(int directory_fd, UserPtr<const char> path, std::uint32_t at_flags) {
    fs::UserPath text;
    HUSK_TRY(text.copy_from(path));
    if (text.view().empty() && (at_flags & fs::at_flag::empty_path) != 0) {
        if (directory_fd == fs::at_cwd) return fs::working_directory();
        RefPtr<fs::File> file = HUSK_TRY(fs::place_of(directory_fd));
        return RefPtr<fs::Inode>(&file->inode());
    }
    RefPtr<fs::Inode> start = HUSK_TRY(start_of(directory_fd, text.view()));
    bool keep = (at_flags & fs::at_flag::symlink_no_follow) != 0;
    return fs::find_inode(std::move(start), text.view(), keep ? fs::LastLink::keep : fs::LastLink::follow);
}

Result<fs::Resolution> resolve_at(int directory_fd, std::string_view path, fs::LastLink last) {
    RefPtr<fs::Inode> start = HUSK_TRY(start_of(directory_fd, path));
    return fs::resolve(std::move(start), path, last);
}

}  // namespace husk::sys
