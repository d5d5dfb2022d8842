// SPDX-License-Identifier: Apache-2.0
// From a path to an inode: components, symlinks, "..", mount points.
#pragma once

#include <cstddef>
#include <string_view>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/heap_array.hpp"
#include "guest-runtime/fs/inode.hpp"

namespace husk::fs {

inline constexpr std::size_t max_name_bytes = 255;
inline constexpr std::size_t max_path_bytes = 4096;  // NUL included
inline constexpr unsigned max_links_followed = 40;

// A path of the application's, copied.
class UserPath {
public:
    UserPath() = default;
    UserPath(const UserPath&) = delete;
    UserPath& operator=(const UserPath&) = delete;
    // EFAULT, ENAMETOOLONG.
    Result<> copy_from(UserPtr<const char> path);
    [[nodiscard]] std::string_view view() const { return view_; }

private:
    char short_[192];
    HeapArray<char> long_;
    std::string_view view_;
};

struct Resolution {
    RefPtr<Inode> directory;         // of the last component; null when the path ends in the root, "." or ".."
    Text name;                       // the last component after following symlinks, empty as above
    RefPtr<Inode> inode;             // null: nothing has that name
    bool must_be_directory = false;  // a slash stood behind it
};

enum class LastLink {
    follow,
    create,  // followed; a slash behind it, even one out of a symlink, is EISDIR, as with O_CREAT
    keep,    // followed all the same when a slash stands behind it
    name,    // never followed: the name itself is to be created, removed or moved
};

// Resolves `path`, relative ones from `start`. ENOENT for an empty path or a missing directory on the way, ENOTDIR,
// ELOOP, ENAMETOOLONG. A missing last component is no error; with LastLink::name neither is a slash behind what is no
// directory.
Result<Resolution> resolve(RefPtr<Inode> start, std::string_view path, LastLink last);
// The same where the object must exist.
Result<RefPtr<Inode>> find_inode(RefPtr<Inode> start, std::string_view path, LastLink last);

// One name in a directory, mount points crossed.
Result<RefPtr<Inode>> lookup_in(Inode& directory, std::string_view name);
// ".." of a directory; the root is its own parent.
Result<RefPtr<Inode>> parent_of(Inode& directory);
bool is_same_inode(Inode& a, Inode& b);
// The absolute path of a directory; ENOENT once it is removed.
Result<Text> path_of_directory(Inode& directory);

}  // namespace husk::fs
