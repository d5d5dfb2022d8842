// SPDX-License-Identifier: Apache-2.0
// What statx tells, times, owners and permissions, extended attributes.
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include "tests/guest/named_file.hpp"

using namespace conformance;

const char* const conformance::folder = "/dev/shm/conformance-attributes";
const char* const conformance::name = "/dev/shm/conformance-attributes/file";

namespace {

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
        {SYS_setxattr, "a file that is not there", "/dev/shm/conformance-attributes/missing", "user.a", "v", 1, 0},
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
    const NamedFile file;
    attributes();
    extended_attributes();
}
