// SPDX-License-Identifier: Apache-2.0
// Names: opening, making, moving and removing them, what stat tells, permissions, times, extended attributes.
#include <dirent.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include <string>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

// A folder in memory natively and in a VM, and a file in it.
const char* const folder = "/dev/shm/conformance";
const char* const name = "/dev/shm/conformance/file";
const timespec bad_times[2] = {{0, 2'000'000'000}, {0, 0}};
const timespec negative_times[2] = {{0, -1}, {0, 0}};
const timeval bad_timevals[2] = {{0, 2'000'000}, {0, 0}};
const std::string long_name(256, 'n');
const std::string long_path(4096, '/');

std::string in(const char* entry) { return std::string(folder) + "/" + entry; }

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

void print_stat(const char* what, const struct stat& facts) {
    std::printf("    %s: type %o permissions %o links %lu size %ld owner %u:%u\n", what, facts.st_mode & S_IFMT,
                facts.st_mode & 07777, static_cast<unsigned long>(facts.st_nlink),
                S_ISDIR(facts.st_mode) ? 0 : static_cast<long>(facts.st_size), facts.st_uid, facts.st_gid);
}

void print_path(const char* what, const char* path) {
    struct stat facts;
    if (lstat(path, &facts) != 0) {
        answers(what, -1);
        return;
    }
    print_stat(what, facts);
}

void files() {
    scenario(SYS_openat, "permissions of a new file", [] {
        umask(027);
        const int fd = open(in("new").c_str(), O_CREAT | O_WRONLY, 06777);
        print_path("new", in("new").c_str());
        close(fd);
        needs(open(in("new").c_str(), O_CREAT | O_WRONLY, 0600));
        print_path("opened again", in("new").c_str());
        umask(022);
        unlink(in("new").c_str());
        close(fd);
    });
    scenario(SYS_openat, "O_TRUNC", [] {
        const int fd = static_cast<int>(needs(open(name, O_RDWR)));
        needs(write(fd, "abc", 3));
        close(static_cast<int>(needs(open(name, O_RDONLY | O_TRUNC))));
        print_path("truncated by a reader", name);
        close(fd);
    });
    scenario(SYS_openat, "O_TMPFILE has no name until it is linked", [] {
        const int fd = open(folder, O_TMPFILE | O_RDWR, 0600);
        holds("opened", fd >= 0);
        struct stat facts;
        if (fd < 0) return;
        fstat(fd, &facts);
        print_stat("unnamed", facts);
        char link[64];
        std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        answers("linked", linkat(AT_FDCWD, link, AT_FDCWD, in("linked").c_str(), AT_SYMLINK_FOLLOW));
        print_path("named", in("linked").c_str());
        unlink(in("linked").c_str());
        close(fd);
    });
    scenario(SYS_open, "a FIFO without a partner", [] {
        const std::string fifo = in("fifo");
        needs(mkfifo(fifo.c_str(), 0644));
        print_path("FIFO", fifo.c_str());
        answers("write, without waiting", open(fifo.c_str(), O_WRONLY | O_NONBLOCK));
        const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
        holds("read, without waiting", reader >= 0);
        answers("nobody writes", read(reader, buffer, 1));
        const int writer = open(fifo.c_str(), O_WRONLY | O_NONBLOCK);
        holds("write, with a reader", writer >= 0);
        answers("nothing is there", read(reader, buffer, 1));
        close(reader);
        close(writer);
        Caller opens([&] { return open(fifo.c_str(), O_RDONLY) >= 0 ? 0 : -1; });
        opens.waits();
        const int partner = open(fifo.c_str(), O_WRONLY);
        answers("opened when the partner comes", opens.join());
        close(partner);
        unlink(fifo.c_str());
        for (int fd = 3; fd < 12; ++fd) close(fd);
    });
    scenario(SYS_unlink, "a file lives until its last descriptor goes", [] {
        const int fd = static_cast<int>(needs(open(in("gone").c_str(), O_CREAT | O_RDWR, 0644)));
        needs(write(fd, "abc", 3));
        unlink(in("gone").c_str());
        struct stat facts;
        fstat(fd, &facts);
        print_stat("removed", facts);
        answers("read", pread(fd, buffer, 10, 0));
        answers("open", open(in("gone").c_str(), O_RDONLY));
        close(fd);
    });
}

void room() {
    scenario(SYS_statfs, "a file takes of what is free; the size is the same", [] {
        struct statfs before = {}, after = {};
        const int fd = static_cast<int>(needs(open(in("large").c_str(), O_CREAT | O_RDWR, 0600)));
        answers("before", statfs(in("large").c_str(), &before));
        for (int i = 0; i < 64; ++i) needs(write(fd, buffer, sizeof buffer));
        answers("after", fstatfs(fd, &after));
        holds("the size is as it was", before.f_blocks == after.f_blocks);
        holds("less is free", before.f_bfree >= after.f_bfree + 512 && after.f_bfree < after.f_blocks);
        close(fd);
        unlink(in("large").c_str());
    });
}

void moves() {
    scenario(SYS_rename, "replaces; hard links of one file stay", [] {
        close(static_cast<int>(needs(open(in("a").c_str(), O_CREAT | O_RDWR, 0600))));
        close(static_cast<int>(needs(open(in("b").c_str(), O_CREAT | O_RDWR, 0644))));
        answers("a to b", rename(in("a").c_str(), in("b").c_str()));
        print_path("a", in("a").c_str());
        print_path("b", in("b").c_str());
        needs(link(in("b").c_str(), in("c").c_str()));
        print_path("b linked", in("b").c_str());
        answers("b to c, the same file", rename(in("b").c_str(), in("c").c_str()));
        print_path("b is still there", in("b").c_str());
        unlink(in("c").c_str());
        print_path("b alone", in("b").c_str());
        unlink(in("b").c_str());
    });
    scenario(SYS_renameat2, "RENAME_EXCHANGE swaps a file and a directory", [] {
        close(static_cast<int>(needs(open(in("a").c_str(), O_CREAT | O_RDWR, 0600))));
        needs(mkdir(in("d").c_str(), 0700));
        answers("swap", renameat2(AT_FDCWD, in("a").c_str(), AT_FDCWD, in("d").c_str(), RENAME_EXCHANGE));
        print_path("a", in("a").c_str());
        print_path("d", in("d").c_str());
        print_path("the folder", folder);
        rmdir(in("a").c_str());
        unlink(in("d").c_str());
    });
    scenario(SYS_rename, "a directory onto an empty one", [] {
        needs(mkdir(in("d").c_str(), 0700));
        needs(mkdir(in("e").c_str(), 0755));
        answers("d to e", rename(in("d").c_str(), in("e").c_str()));
        print_path("e", in("e").c_str());
        print_path("the folder", folder);
        rmdir(in("e").c_str());
    });
    scenario(SYS_getcwd, "of a directory that was removed", [] {
        needs(mkdir(in("d").c_str(), 0700));
        needs(chdir(in("d").c_str()));
        is("inside", getcwd(buffer, 4096) != nullptr ? buffer : "nothing");
        rmdir(in("d").c_str());
        answers("removed", syscall(SYS_getcwd, buffer, 4096));
        answers("create in it", open("x", O_CREAT | O_RDWR, 0644));
        answers("open itself", open(".", O_PATH) >= 0 ? 0 : -1);
        needs(chdir("/"));
    });
    scenario(SYS_getdents64, "all names, once, and again after lseek", [] {
        needs(mkdir(in("d").c_str(), 0700));
        for (int i = 0; i < 40; ++i) close(open((in("d") + "/" + std::to_string(i)).c_str(), O_CREAT | O_RDWR, 0644));
        DIR* open_directory = opendir(in("d").c_str());
        int names = 0, files = 0;
        while (const dirent* entry = readdir(open_directory)) {
            ++names;
            files += entry->d_type == DT_REG;
        }
        is("names", names);
        is("files", files);
        rewinddir(open_directory);
        unlink((in("d") + "/7").c_str());
        names = 0;
        while (readdir(open_directory) != nullptr) ++names;
        is("one less", names);
        closedir(open_directory);
        for (int i = 0; i < 40; ++i) unlink((in("d") + "/" + std::to_string(i)).c_str());
        print_path("emptied", in("d").c_str());
        rmdir(in("d").c_str());
    });
}

void attributes() {
    scenario(SYS_statx, "what was asked is there", [] {
        struct statx facts;
        const int fd = static_cast<int>(needs(open(name, O_RDWR | O_TRUNC)));
        needs(write(fd, "abc", 3));
        answers("nothing asked", statx(fd, "", AT_EMPTY_PATH, 0, &facts));
        answers("basics", statx(AT_FDCWD, name, 0, STATX_BASIC_STATS, &facts));
        holds("all of them", (facts.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
        is("size", static_cast<long long>(facts.stx_size));
        is("mode", facts.stx_mode);
        is("links", facts.stx_nlink);
        answers("birth", statx(AT_FDCWD, name, 0, STATX_BTIME, &facts));
        close(fd);
    });
    scenario(SYS_utimensat, "UTIME_NOW, UTIME_OMIT and nanoseconds", [] {
        struct stat facts;
        const timespec both[2] = {{1000, 1}, {2000, 999'999'999}};
        answers("set", utimensat(AT_FDCWD, name, both, 0));
        stat(name, &facts);
        is("accessed", facts.st_atim.tv_sec);
        is("modified ns", facts.st_mtim.tv_nsec);
        const timespec one[2] = {{0, UTIME_OMIT}, {7, UTIME_NOW}};
        answers("omit and now", utimensat(AT_FDCWD, name, one, 0));
        stat(name, &facts);
        is("accessed", facts.st_atim.tv_sec);
        holds("modified now", facts.st_mtim.tv_sec > 1'000'000'000);
        const timespec none[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
        answers("omit both", utimensat(AT_FDCWD, name, none, 0));
        const utimbuf old{3, 4};
        answers("utime", utime(name, &old));
        stat(name, &facts);
        is("modified", facts.st_mtim.tv_sec);
        const timeval micro[2] = {{5, 6}, {7, 8}};
        answers("utimes", utimes(name, micro));
        stat(name, &facts);
        is("modified ns", facts.st_mtim.tv_nsec);
    });
    scenario(SYS_write, "times that a write, a read and a chmod change", [] {
        const timespec old[2] = {{1000, 0}, {1000, 0}};
        const int fd = static_cast<int>(needs(open(name, O_RDWR)));
        struct stat facts;
        futimens(fd, old);
        needs(write(fd, "x", 1));
        fstat(fd, &facts);
        holds("modified by a write", facts.st_mtim.tv_sec > 1000);
        holds("not accessed by a write", facts.st_atim.tv_sec == 1000);
        futimens(fd, old);
        needs(fchmod(fd, 0640));
        fstat(fd, &facts);
        holds("not modified by chmod", facts.st_mtim.tv_sec == 1000);
        needs(ftruncate(fd, 1));
        fstat(fd, &facts);
        holds("modified by truncating to the same size", facts.st_mtim.tv_sec > 1000);
        futimens(fd, old);
        answers("write nothing", write(fd, "", 0));
        fstat(fd, &facts);
        holds("not modified", facts.st_mtim.tv_sec == 1000);
        close(fd);
    });
    scenario(SYS_chown, "takes set-user-id away", [] {
        needs(chmod(name, 06755));
        print_path("before", name);
        answers("chown", chown(name, 5, 6));
        print_path("after", name);
        answers("group only", lchown(name, static_cast<uid_t>(-1), 0));
        print_path("after", name);
        needs(chown(name, 0, 0));
        needs(chmod(name, 0644));
    });
    scenario(SYS_chmod, "sticky and set-id bits", [] {
        answers("all bits", chmod(name, 07777));
        print_path("all", name);
        answers("type bits are ignored", chmod(name, S_IFDIR | 0644));
        print_path("still a file", name);
    });
}

void extended_attributes() {
    const int fd = static_cast<int>(needs(open(name, O_RDWR)));
    const int path = static_cast<int>(needs(open(name, O_PATH)));
    const std::string long_attribute = "user." + std::string(251, 'x');
    answer_all({
        {SYS_setxattr, "new", name, "user.a", "value", 5, 0},
        {SYS_setxattr, "XATTR_CREATE of what is there", name, "user.a", "v", 1, XATTR_CREATE},
        {SYS_setxattr, "XATTR_REPLACE of what is not there", name, "user.b", "v", 1, XATTR_REPLACE},
        {SYS_setxattr, "an unknown flag", name, "user.a", "v", 1, 8},
        {SYS_setxattr, "an unknown class", name, "nonsense.a", "v", 1, 0},
        {SYS_setxattr, "no name", name, "", "v", 1, 0},
        {SYS_setxattr, "a name that is too long", name, long_attribute.c_str(), "v", 1, 0},
        {SYS_setxattr, "a value that is too long", name, "user.c", buffer, 65537, 0},
        {SYS_setxattr, "a bad value", name, "user.c", nowhere, 1, 0},
        {SYS_setxattr, "a file that is not there", "/dev/shm/conformance/missing", "user.a", "v", 1, 0},
        {SYS_lsetxattr, "new", name, "user.l", "12", 2, 0},
        {SYS_fsetxattr, "new", fd, "user.f", "", 0, 0},
        {SYS_fsetxattr, "an O_PATH descriptor", path, "user.f", "", 0, 0},
        {SYS_fsetxattr, "no descriptor", no_fd, "user.f", "", 0, 0},
        {SYS_getxattr, "the size", name, "user.a", buffer, 0},
        {SYS_getxattr, "the value", name, "user.a", buffer, 100},
        {SYS_getxattr, "too little", name, "user.a", buffer, 4},
        {SYS_getxattr, "one that is not there", name, "user.z", buffer, 100},
        {SYS_getxattr, "an unknown class", name, "nonsense.z", buffer, 100},
        {SYS_lgetxattr, "the value", name, "user.l", buffer, 100},
        {SYS_fgetxattr, "an empty value", fd, "user.f", buffer, 100},
        {SYS_fgetxattr, "no descriptor", no_fd, "user.f", buffer, 100},
        {SYS_fgetxattr, "an O_PATH descriptor", path, "user.f", buffer, 100},
        {SYS_listxattr, "the size", name, buffer, 0},
        {SYS_listxattr, "all", name, buffer, 4096},
        {SYS_listxattr, "too little", name, buffer, 3},
        {SYS_llistxattr, "all", name, buffer, 4096},
        {SYS_flistxattr, "all", fd, buffer, 4096},
        {SYS_flistxattr, "no descriptor", no_fd, buffer, 4096},
        {SYS_removexattr, "one", name, "user.a"},
        {SYS_removexattr, "the same again", name, "user.a"},
        {SYS_lremovexattr, "one", name, "user.l"},
        {SYS_fremovexattr, "one", fd, "user.f"},
        {SYS_fremovexattr, "no descriptor", no_fd, "user.f"},
        {SYS_flistxattr, "none", fd, buffer, 4096},
    });
    close(fd);
    close(path);
}

}  // namespace

int main() {
    mkdir(folder, 0755);
    close(static_cast<int>(needs(open(name, O_CREAT | O_RDWR, 0644))));
    wrong_arguments();
    files();
    room();
    moves();
    attributes();
    extended_attributes();
    unlink(name);
    rmdir(folder);
}
