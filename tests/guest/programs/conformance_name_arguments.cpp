// SPDX-License-Identifier: Apache-2.0
// What calls that take a name answer to wrong and odd arguments.
#include <linux/openat2.h>
#include <sys/statfs.h>
#include <sys/time.h>

#include "tests/guest/named_file.hpp"

using namespace conformance;

const char* const conformance::folder = "/dev/shm/conformance-name-arguments";
const char* const conformance::name = "/dev/shm/conformance-name-arguments/file";

namespace {

const timespec bad_times[2] = {{0, 2'000'000'000}, {0, 0}};
const timespec negative_times[2] = {{0, -1}, {0, 0}};
const timeval bad_timevals[2] = {{0, 2'000'000}, {0, 0}};
const std::string long_name(256, 'n');
const std::string long_path(4096, '/');

void wrong_arguments() {
    const int file = static_cast<int>(needs(open(name, O_RDWR)));
    const int directory = static_cast<int>(needs(open(folder, O_RDONLY | O_DIRECTORY)));
    const int path = static_cast<int>(needs(open(name, O_PATH)));
    const std::string missing = in("missing"), sub = in("sub"), full = in("full"), inner = in("full/inner"),
                      y = in("y");
    const std::string link = in("link"), loop = in("loop"), dangling = in("dangling"), below = in("file/x");
    needs(mkdir(full.c_str(), 0755));
    needs(mkdir(inner.c_str(), 0755));
    needs(symlink("file", link.c_str()));
    needs(symlink("loop", loop.c_str()));
    needs(symlink("missing", dangling.c_str()));
    const open_how plain{O_RDONLY, 0, 0}, strange{O_RDONLY, 0, 1 << 20}, moded{O_RDONLY, 0644, 0};
    answer_all({
        {SYS_open, "a missing file", missing.c_str(), O_RDONLY},
        {SYS_open, "exclusively what is there", name, O_CREAT | O_EXCL | O_RDWR, 0644},
        {SYS_open, "exclusively a dangling link", dangling.c_str(), O_CREAT | O_EXCL | O_RDWR, 0644},
        {SYS_open, "a directory to write", folder, O_WRONLY},
        {SYS_open, "a directory to create", folder, O_CREAT | O_RDONLY, 0644},
        {SYS_open, "a file as a directory", name, O_DIRECTORY},
        {SYS_open, "below a file", below.c_str(), O_RDONLY},
        {SYS_open, "below nothing", in("missing/x").c_str(), O_CREAT | O_RDWR, 0644},
        {SYS_open, "nothing", "", O_RDONLY},
        {SYS_open, "a bad name", nowhere, O_RDONLY},
        {SYS_open, "a name that is too long", in(long_name.c_str()).c_str(), O_RDONLY},
        {SYS_open, "a path that is too long", long_path.c_str(), O_RDONLY},
        {SYS_open, "a loop of links", loop.c_str(), O_RDONLY},
        {SYS_open, "O_NOFOLLOW of a link", link.c_str(), O_RDONLY | O_NOFOLLOW},
        {SYS_open, "a file with a slash behind it", (std::string(name) + "/").c_str(), O_RDONLY},
        {SYS_open, "O_CREAT with a slash behind it", (missing + "/").c_str(), O_CREAT | O_RDWR, 0644},
        {SYS_open, "O_TMPFILE read-only", folder, O_TMPFILE | O_RDONLY, 0644},
        {SYS_open, "O_TMPFILE in a file", name, O_TMPFILE | O_RDWR, 0644},
        {SYS_open, "O_DIRECTORY and O_CREAT", in("newdir").c_str(), O_DIRECTORY | O_CREAT | O_RDONLY, 0644},
        {SYS_creat, "a directory", folder, 0644},
        {SYS_creat, "below nothing", in("missing/x").c_str(), 0644},
        {SYS_openat, "no directory", no_fd, "x", O_RDONLY},
        {SYS_openat, "a file as directory", file, "x", O_RDONLY},
        {SYS_openat, "absolute with no directory", no_fd, folder, O_PATH},
        {SYS_openat, "relative to a directory", directory, "missing", O_RDONLY},
        {SYS_openat2, "too little", AT_FDCWD, name, &plain, 8},
        {SYS_openat2, "an unknown way to resolve", AT_FDCWD, name, &strange, sizeof strange},
        {SYS_openat2, "a mode without O_CREAT", AT_FDCWD, name, &moded, sizeof moded},
        {SYS_openat2, "a bad place", AT_FDCWD, name, nowhere, sizeof plain},
        {SYS_stat, "a missing file", missing.c_str(), buffer},
        {SYS_stat, "a dangling link", dangling.c_str(), buffer},
        {SYS_stat, "to a bad place", name, nowhere},
        {SYS_stat, "a file with a slash behind it", (std::string(name) + "/").c_str(), buffer},
        {SYS_lstat, "a dangling link", dangling.c_str(), buffer},
        {SYS_lstat, "a link with a slash behind it", (link + "/").c_str(), buffer},
        {SYS_lstat, "a loop", loop.c_str(), buffer},
        {SYS_fstat, "no descriptor", no_fd, buffer},
        {SYS_fstat, "to a bad place", file, nowhere},
        {SYS_fstat, "an O_PATH descriptor", path, buffer},
        {SYS_newfstatat, "empty without a flag", file, "", buffer, 0},
        {SYS_newfstatat, "empty with the flag", file, "", buffer, AT_EMPTY_PATH},
        {SYS_newfstatat, "an unknown flag", file, "", buffer, 0x40000},
        {SYS_newfstatat, "no directory", no_fd, "x", buffer, 0},
        {SYS_newfstatat, "a file as directory", file, "x", buffer, 0},
        {SYS_newfstatat, "AT_NO_AUTOMOUNT", AT_FDCWD, name, buffer, AT_NO_AUTOMOUNT},
        {SYS_statx, "an unknown flag", file, "", 0x40000, 0, buffer},
        {SYS_statx, "both ways to synchronise", AT_FDCWD, name, AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, 0, buffer},
        {SYS_statx, "the reserved bit of the mask", AT_FDCWD, name, 0, 0x80000000, buffer},
        {SYS_statx, "to a bad place", AT_FDCWD, name, 0, STATX_BASIC_STATS, nowhere},
        {SYS_statx, "empty with the flag", file, "", AT_EMPTY_PATH, STATX_SIZE, buffer},
        {SYS_name_to_handle_at, "an unknown flag", AT_FDCWD, name, buffer, buffer, 0x40000},
        {SYS_name_to_handle_at, "a missing file", AT_FDCWD, missing.c_str(), buffer, buffer, 0},
        {SYS_name_to_handle_at, "a bad place", AT_FDCWD, nowhere, buffer, buffer, 0},
        {SYS_name_to_handle_at, "no directory", no_fd, "x", buffer, buffer, 0},
        {SYS_statfs, "a missing file", missing.c_str(), buffer},
        {SYS_statfs, "to a bad place", name, nowhere},
        {SYS_statfs, "a file", name, buffer},
        {SYS_fstatfs, "no descriptor", no_fd, buffer},
        {SYS_fstatfs, "an O_PATH descriptor", path, buffer},
        {SYS_mkdir, "what is there", folder, 0755},
        {SYS_mkdir, "where a file is", name, 0755},
        {SYS_mkdir, "where a dangling link is", dangling.c_str(), 0755},
        {SYS_mkdir, "below nothing", in("missing/x").c_str(), 0755},
        {SYS_mkdir, "below a file", below.c_str(), 0755},
        {SYS_mkdir, "a name that is too long", in(long_name.c_str()).c_str(), 0755},
        {SYS_mkdir, "with a slash behind it", (sub + "/").c_str(), 0755},
        {SYS_mkdirat, "no directory", no_fd, "x", 0755},
        {SYS_mkdirat, "a file as directory", file, "x", 0755},
        {SYS_rmdir, "a file", name},
        {SYS_rmdir, "nothing there", missing.c_str()},
        {SYS_rmdir, "a dot", in(".").c_str()},
        {SYS_rmdir, "two dots", in("full/..").c_str()},
        {SYS_rmdir, "one that is not empty", full.c_str()},
        {SYS_rmdir, "a link", link.c_str()},
        {SYS_rmdir, "the root", "/"},
        {SYS_rmdir, "an empty one", sub.c_str()},
        {SYS_mknod, "what is there", name, S_IFREG | 0644, 0},
        {SYS_mknod, "a directory", missing.c_str(), S_IFDIR | 0755, 0},
        {SYS_mknod, "an unknown type", missing.c_str(), 0170000, 0},
        {SYS_mknod, "a file", in("made").c_str(), 0644, 0},
        {SYS_mknodat, "no directory", no_fd, "x", S_IFREG | 0644, 0},
        {SYS_mknodat, "a FIFO", directory, "fifo", S_IFIFO | 0644, 0},
        {SYS_unlink, "a directory", full.c_str()},
        {SYS_unlink, "nothing there", missing.c_str()},
        {SYS_unlink, "below a file", below.c_str()},
        {SYS_unlink, "a file with a slash behind it", (in("made") + "/").c_str()},
        {SYS_unlink, "a file", in("made").c_str()},
        {SYS_unlinkat, "an unknown flag", AT_FDCWD, name, 0x10},
        {SYS_unlinkat, "a directory", directory, "full", 0},
        {SYS_unlinkat, "AT_REMOVEDIR of a file", directory, "file", AT_REMOVEDIR},
        {SYS_unlinkat, "AT_REMOVEDIR, not empty", directory, "full", AT_REMOVEDIR},
        {SYS_unlinkat, "no directory", no_fd, "x", 0},
        {SYS_rename, "nothing there", missing.c_str(), y.c_str()},
        {SYS_rename, "a file onto a directory", name, full.c_str()},
        {SYS_rename, "a directory onto a file", full.c_str(), name},
        {SYS_rename, "onto itself", name, name},
        {SYS_rename, "a directory into itself", full.c_str(), in("full/inner/x").c_str()},
        {SYS_rename, "a directory onto a full one", inner.c_str(), full.c_str()},
        {SYS_rename, "a dot", in(".").c_str(), y.c_str()},
        {SYS_rename, "a file with a slash behind it", name, (y + "/").c_str()},
        {SYS_rename, "below nothing", name, in("missing/x").c_str()},
        {SYS_rename, "the root", "/", "/y"},
        {SYS_rename, "to another file system", name, "/proc/x"},
        {SYS_renameat, "no directory", no_fd, "x", AT_FDCWD, "y"},
        {SYS_renameat2, "both flags", AT_FDCWD, name, AT_FDCWD, y.c_str(), 3},
        {SYS_renameat2, "an unknown flag", AT_FDCWD, name, AT_FDCWD, y.c_str(), 0x100},
        {SYS_renameat2, "RENAME_NOREPLACE onto what is there", AT_FDCWD, name, AT_FDCWD, link.c_str(), 1},
        {SYS_renameat2, "RENAME_EXCHANGE with nothing", AT_FDCWD, name, AT_FDCWD, y.c_str(), 2},
        {SYS_renameat2, "RENAME_EXCHANGE of parent and child", AT_FDCWD, full.c_str(), AT_FDCWD, inner.c_str(), 2},
        {SYS_link, "onto itself", name, name},
        {SYS_link, "a directory", full.c_str(), y.c_str()},
        {SYS_link, "nothing there", missing.c_str(), y.c_str()},
        {SYS_linkat, "an unknown flag", AT_FDCWD, name, AT_FDCWD, y.c_str(), 0x40000},
        {SYS_linkat, "no directory", no_fd, "x", AT_FDCWD, y.c_str(), 0},
        {SYS_linkat, "a dangling link, followed", AT_FDCWD, dangling.c_str(), AT_FDCWD, y.c_str(), AT_SYMLINK_FOLLOW},
        {SYS_symlink, "to nothing", "", y.c_str()},
        {SYS_symlink, "onto what is there", "x", name},
        {SYS_symlink, "a target that is too long", long_path.c_str(), y.c_str()},
        {SYS_symlinkat, "no directory", "x", no_fd, "y"},
        {SYS_readlink, "a file", name, buffer, 10},
        {SYS_readlink, "nothing there", missing.c_str(), buffer, 10},
        {SYS_readlink, "into nothing", link.c_str(), buffer, 0},
        {SYS_readlink, "into a negative size", link.c_str(), buffer, -1},
        {SYS_readlink, "cut off", link.c_str(), buffer, 2},
        {SYS_readlink, "whole", link.c_str(), buffer, 100},
        {SYS_readlink, "into a bad place", link.c_str(), nowhere, 10},
        {SYS_readlinkat, "no directory", no_fd, "x", buffer, 10},
        {SYS_readlinkat, "relative", directory, "link", buffer, 10},
        {SYS_readlinkat, "empty, of a file", file, "", buffer, 10},
        {SYS_access, "an unknown mode", name, 8},
        {SYS_access, "nothing there", missing.c_str(), F_OK},
        {SYS_access, "execute what none may", name, X_OK},
        {SYS_access, "read and write", name, R_OK | W_OK},
        {SYS_access, "a dangling link", dangling.c_str(), F_OK},
        {SYS_faccessat, "no directory", no_fd, "x", F_OK},
        {SYS_faccessat, "relative", directory, "file", R_OK},
        {SYS_faccessat2, "an unknown flag", AT_FDCWD, name, 0, 0x4000},
        {SYS_faccessat2, "a link itself", AT_FDCWD, dangling.c_str(), F_OK, AT_SYMLINK_NOFOLLOW},
        {SYS_faccessat2, "AT_EACCESS", AT_FDCWD, name, R_OK, AT_EACCESS},
        {SYS_faccessat2, "AT_EMPTY_PATH", file, "", R_OK, AT_EMPTY_PATH},
        {SYS_chdir, "a file", name},
        {SYS_chdir, "nothing there", missing.c_str()},
        {SYS_fchdir, "a file", file},
        {SYS_fchdir, "no descriptor", no_fd},
        {SYS_getcwd, "nothing", buffer, 0},
        {SYS_getcwd, "one byte", buffer, 1},
        {SYS_getcwd, "two bytes", buffer, 2},
        {SYS_getcwd, "a bad place", nowhere, 100},
        {SYS_getdents, "a file", file, buffer, 4096},
        {SYS_getdents, "too little", directory, buffer, 4},
        {SYS_getdents64, "a file", file, buffer, 4096},
        {SYS_getdents64, "too little", directory, buffer, 4},
        {SYS_getdents64, "no descriptor", no_fd, buffer, 4096},
        {SYS_getdents64, "a bad place", directory, nowhere, 4096},
        {SYS_chmod, "nothing there", missing.c_str(), 0644},
        {SYS_chmod, "below a file", below.c_str(), 0644},
        {SYS_fchmod, "an O_PATH descriptor", path, 0644},
        {SYS_fchmod, "no descriptor", no_fd, 0644},
        {SYS_fchmodat, "no directory", no_fd, "x", 0644},
        {SYS_chown, "nothing there", missing.c_str(), 0, 0},
        {SYS_chown, "no change", name, -1, -1},
        {SYS_fchown, "an O_PATH descriptor", path, 0, 0},
        {SYS_fchown, "no descriptor", no_fd, 0, 0},
        {SYS_lchown, "a dangling link", dangling.c_str(), 0, 0},
        {SYS_fchownat, "an unknown flag", AT_FDCWD, name, 0, 0, 0x40000},
        {SYS_fchownat, "AT_EMPTY_PATH", file, "", -1, -1, AT_EMPTY_PATH},
        {SYS_fchownat, "no directory", no_fd, "x", 0, 0, 0},
        {SYS_umask, "set", 027},
        {SYS_umask, "only the permission bits", 07777},
        {SYS_umask, "what was set", 022},
        {SYS_utime, "nothing there", missing.c_str(), 0},
        {SYS_utime, "now", name, 0},
        {SYS_utimes, "a bad time", name, bad_timevals},
        {SYS_utimes, "now", name, 0},
        {SYS_futimesat, "a bad time", AT_FDCWD, name, bad_timevals},
        {SYS_futimesat, "no directory", no_fd, "x", 0},
        {SYS_utimensat, "a bad time", AT_FDCWD, name, bad_times, 0},
        {SYS_utimensat, "a negative time", AT_FDCWD, name, negative_times, 0},
        {SYS_utimensat, "an unknown flag", AT_FDCWD, name, 0, 0x10},
        {SYS_utimensat, "a link itself", AT_FDCWD, dangling.c_str(), 0, AT_SYMLINK_NOFOLLOW},
        {SYS_utimensat, "a descriptor", file, 0, 0, 0},
        {SYS_utimensat, "an O_PATH descriptor", path, 0, 0, 0},
        {SYS_utimensat, "no descriptor", no_fd, 0, 0, 0},
    });
    for (const char* each : {"link", "loop", "dangling", "fifo"}) unlink(in(each).c_str());
    rmdir(inner.c_str());
    rmdir(full.c_str());
    for (int fd = 3; fd < 20; ++fd) close(fd);
}

}  // namespace

int main() {
    const NamedFile file;
    wrong_arguments();
}
