// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/name_operations.hpp"

#include <cstring>
#include <set>

#include <doctest/doctest.h>

#include "guest-runtime/syscall/attribute_calls.hpp"
#include "guest-runtime/syscall/descriptor_calls.hpp"
#include "guest-runtime/syscall/directory_calls.hpp"
#include "guest-runtime/syscall/io_calls.hpp"
#include "guest-runtime/syscall/name_calls.hpp"
#include "guest-runtime/syscall/open_calls.hpp"
#include "guest-runtime/syscall/stat_calls.hpp"
#include "guest-runtime/syscall/xattr_calls.hpp"
#include "tests/unit/guest/fs/calls.hpp"

using namespace husk;
using namespace husk::test;

namespace {

namespace flag = fs::open_flag;

long make_directory(const char* path) { return call(sys::sys_mkdir, path, 0755); }
bool exists(const char* path) {
    fs::LinuxStat stat;
    return call(sys::sys_lstat, path, &stat) == 0;
}

std::multiset<std::string> names_in(const char* path, std::size_t room = 4096) {
    int fd = open_file(path, flag::read_only | flag::directory);
    std::multiset<std::string> names;
    std::string buffer(room, '\0');
    for (;;) {
        long got = call(sys::sys_getdents64, fd, buffer.data(), room);
        REQUIRE(got >= 0);
        if (got == 0) break;
        for (long at = 0; at < got;) {
            std::uint16_t size = 0;
            std::memcpy(&size, buffer.data() + at + 16, 2);
            names.insert(buffer.data() + at + 19);
            at += size;
        }
    }
    close_file(fd);
    return names;
}

}  // namespace

TEST_CASE("creating a name that is there is EEXIST, whatever it is") {
    boot_files();
    REQUIRE(make_directory("/tmp/taken") == 0);
    CHECK(make_directory("/tmp/taken") == fails(Errno::eexist));
    CHECK(make_directory("/tmp/taken/") == fails(Errno::eexist));
    CHECK(make_directory("/") == fails(Errno::eexist));
    CHECK(make_directory("/tmp/new/") == 0);
    CHECK(call(sys::sys_symlink, "x", "/tmp/taken") == fails(Errno::eexist));
    CHECK(call(sys::sys_mknod, "/tmp/taken", 0100644, 0) == fails(Errno::eexist));
    CHECK(call(sys::sys_mknod, "/tmp/node", 0040755, 0) == fails(Errno::eperm));
    CHECK(call(sys::sys_symlink, "", "/tmp/empty") == fails(Errno::enoent));
    CHECK(call(sys::sys_open, "/tmp/taken", flag::write_only, 0) == fails(Errno::eisdir));
    CHECK(call(sys::sys_open, "/tmp/taken", flag::create, 0644) == fails(Errno::eisdir));
    CHECK(call(sys::sys_open, "/tmp/x", flag::create | flag::directory, 0644) == fails(Errno::einval));
}

TEST_CASE("removing asks for the right kind and for emptiness") {
    boot_files();
    REQUIRE(make_directory("/tmp/remove") == 0);
    write_file("/tmp/remove/file", "x");
    CHECK(call(sys::sys_rmdir, "/tmp/remove") == fails(Errno::enotempty));
    CHECK(call(sys::sys_rmdir, "/tmp/remove/file") == fails(Errno::enotdir));
    CHECK(call(sys::sys_unlink, "/tmp/remove") == fails(Errno::eisdir));
    CHECK(call(sys::sys_rmdir, "/tmp/remove/.") == fails(Errno::einval));
    CHECK(call(sys::sys_rmdir, "/tmp/remove/..") == fails(Errno::enotempty));
    CHECK(call(sys::sys_rmdir, "/") == fails(Errno::ebusy));
    CHECK(call(sys::sys_unlink, "/tmp/remove/file/") == fails(Errno::enotdir));
    CHECK(call(sys::sys_unlink, "/tmp/remove/file") == 0);
    CHECK(call(sys::sys_unlink, "/tmp/remove/file") == fails(Errno::enoent));
    CHECK(call(sys::sys_rmdir, "/tmp/remove/") == 0);
}

TEST_CASE("link counts follow names and subdirectories") {
    boot_files();
    REQUIRE(make_directory("/tmp/counts") == 0);
    CHECK(stat_of("/tmp/counts").st_nlink == 2);
    REQUIRE(make_directory("/tmp/counts/a") == 0);
    REQUIRE(make_directory("/tmp/counts/b") == 0);
    CHECK(stat_of("/tmp/counts").st_nlink == 4);
    REQUIRE(call(sys::sys_rename, "/tmp/counts/b", "/tmp/counts/a/b") == 0);
    CHECK(stat_of("/tmp/counts").st_nlink == 3);
    CHECK(stat_of("/tmp/counts/a").st_nlink == 3);
    write_file("/tmp/counts/file", "x");
    REQUIRE(call(sys::sys_link, "/tmp/counts/file", "/tmp/counts/a/hard") == 0);
    CHECK(stat_of("/tmp/counts/a/hard").st_nlink == 2);
    CHECK(stat_of("/tmp/counts/a/hard").st_ino == stat_of("/tmp/counts/file").st_ino);
    CHECK(call(sys::sys_link, "/tmp/counts/a", "/tmp/counts/c") == fails(Errno::eperm));
    CHECK(call(sys::sys_link, "/tmp/counts/file", "/tmp/counts/a") == fails(Errno::eexist));
    CHECK(call(sys::sys_link, "/proc/self/comm", "/tmp/counts/c") == fails(Errno::exdev));
    REQUIRE(call(sys::sys_unlink, "/tmp/counts/file") == 0);
    CHECK(stat_of("/tmp/counts/a/hard").st_nlink == 1);
}

TEST_CASE("rename replaces what may be replaced, in one step") {
    boot_files();
    REQUIRE(make_directory("/tmp/r") == 0);
    REQUIRE(make_directory("/tmp/r/dir") == 0);
    REQUIRE(make_directory("/tmp/r/full") == 0);
    write_file("/tmp/r/full/file", "in");
    write_file("/tmp/r/one", "1");
    write_file("/tmp/r/two", "2");
    CHECK(call(sys::sys_rename, "/tmp/r/one", "/tmp/r/two") == 0);
    CHECK(read_file("/tmp/r/two") == "1");
    CHECK_FALSE(exists("/tmp/r/one"));
    CHECK(call(sys::sys_rename, "/tmp/r/one", "/tmp/r/two") == fails(Errno::enoent));
    CHECK(call(sys::sys_rename, "/tmp/r/two", "/tmp/r/dir") == fails(Errno::eisdir));
    CHECK(call(sys::sys_rename, "/tmp/r/dir", "/tmp/r/two") == fails(Errno::enotdir));
    CHECK(call(sys::sys_rename, "/tmp/r/dir", "/tmp/r/full") == fails(Errno::enotempty));
    CHECK(call(sys::sys_rename, "/tmp/r/full", "/tmp/r/dir") == 0);
    CHECK(read_file("/tmp/r/dir/file") == "in");
    CHECK(call(sys::sys_rename, "/tmp/r/dir/file", "/tmp/r/dir") == fails(Errno::enotempty));
    CHECK(call(sys::sys_rename, "/tmp/r/two/", "/tmp/r/three") == fails(Errno::enotdir));
    CHECK(call(sys::sys_rename, "/tmp/r/.", "/tmp/r/x") == fails(Errno::ebusy));
    constexpr int no_replace = 1, exchange = 2;
    CHECK(call(sys::sys_renameat2, -100, "/tmp/r/two", -100, "/tmp/r/dir/file", no_replace) == fails(Errno::eexist));
    CHECK(call(sys::sys_renameat2, -100, "/tmp/r/two", -100, "/tmp/r/none", exchange) == fails(Errno::enoent));
    CHECK(call(sys::sys_renameat2, -100, "/tmp/r/two", -100, "/tmp/r/dir", exchange) == 0);
    CHECK(read_file("/tmp/r/two/file") == "in");
    CHECK(read_file("/tmp/r/dir") == "1");
    CHECK(stat_of("/tmp/r").st_nlink == 3);
    REQUIRE(call(sys::sys_link, "/tmp/r/dir", "/tmp/r/same") == 0);
    CHECK(call(sys::sys_rename, "/tmp/r/dir", "/tmp/r/same") == 0);
    CHECK(exists("/tmp/r/dir"));
}

TEST_CASE("directories are listed whole, whatever the buffer holds") {
    boot_files();
    REQUIRE(make_directory("/tmp/list") == 0);
    for (int i = 0; i < 300; ++i) write_file(("/tmp/list/entry" + std::to_string(i)).c_str(), "");
    for (std::size_t room : {32u, 100u, 4096u}) {
        auto names = names_in("/tmp/list", room);
        CHECK(names.size() == 302);
        CHECK(names.count("entry299") == 1);
        CHECK(names.count("..") == 1);
    }
    int fd = open_file("/tmp/list", flag::read_only);
    char tiny[16];
    CHECK(call(sys::sys_getdents64, fd, tiny, sizeof tiny) == fails(Errno::einval));
    CHECK(call(sys::sys_read, fd, tiny, sizeof tiny) == fails(Errno::eisdir));
    close_file(fd);
    fd = open_file("/tmp/list/entry0", flag::read_only);
    CHECK(call(sys::sys_getdents64, fd, tiny, sizeof tiny) == fails(Errno::enotdir));
    close_file(fd);
}

TEST_CASE("an unnamed file gets a name by linkat or goes with its descriptor") {
    boot_files();
    CHECK(call(sys::sys_open, "/tmp", flag::unnamed | flag::read_only, 0600) == fails(Errno::einval));
    int fd = open_file("/tmp", flag::unnamed | flag::read_write, 0600);
    REQUIRE(call(sys::sys_write, fd, "unnamed", 7) == 7);
    std::string path = "/proc/self/fd/" + std::to_string(fd);
    constexpr int follow = 0x400;
    CHECK(call(sys::sys_linkat, -100, path.c_str(), -100, "/tmp/named", follow) == 0);
    CHECK(read_file("/tmp/named") == "unnamed");
    CHECK(stat_of("/tmp/named").st_nlink == 1);
    close_file(fd);
}

TEST_CASE("permissions, owners and times are kept and shown") {
    boot_files();
    write_file("/tmp/attributes", "x");
    CHECK((stat_of("/tmp/attributes").st_mode & 07777) == 0644);
    REQUIRE(call(sys::sys_chmod, "/tmp/attributes", 04711) == 0);
    CHECK(stat_of("/tmp/attributes").st_mode == 0104711);
    REQUIRE(call(sys::sys_chown, "/tmp/attributes", 5, -1) == 0);
    CHECK(stat_of("/tmp/attributes").st_uid == 5);
    CHECK(stat_of("/tmp/attributes").st_gid == 0);
    fs::LinuxTime times[2] = {{100, 7}, {0, 0x3ffffffe}};
    fs::LinuxStat before = stat_of("/tmp/attributes");
    REQUIRE(call(sys::sys_utimensat, -100, "/tmp/attributes", times, 0) == 0);
    fs::LinuxStat after = stat_of("/tmp/attributes");
    CHECK(after.st_atim.seconds == 100);
    CHECK(after.st_atim.nanoseconds == 7);
    CHECK(after.st_mtim.seconds == before.st_mtim.seconds);
    times[0].nanoseconds = -1;
    CHECK(call(sys::sys_utimensat, -100, "/tmp/attributes", times, 0) == fails(Errno::einval));
    CHECK(call(sys::sys_access, "/tmp/attributes", 6) == 0);
    REQUIRE(call(sys::sys_chmod, "/tmp/attributes", 0600) == 0);
    CHECK(call(sys::sys_access, "/tmp/attributes", 1) == fails(Errno::eacces));
    CHECK(call(sys::sys_access, "/tmp/attributes", 8) == fails(Errno::einval));
}

TEST_CASE("extended attributes are set, replaced, listed and removed") {
    boot_files();
    write_file("/tmp/extended", "x");
    const char* path = "/tmp/extended";
    char buffer[64];
    CHECK(call(sys::sys_getxattr, path, "user.a", buffer, 64) == fails(Errno::enodata));
    CHECK(call(sys::sys_setxattr, path, "user.a", "value", 5, 2) == fails(Errno::enodata));
    CHECK(call(sys::sys_setxattr, path, "user.a", "value", 5, 1) == 0);
    CHECK(call(sys::sys_setxattr, path, "user.a", "value", 5, 1) == fails(Errno::eexist));
    CHECK(call(sys::sys_setxattr, path, "system.a", "value", 5, 0) == fails(Errno::eopnotsupp));
    CHECK(call(sys::sys_getxattr, path, "user.a", buffer, 0) == 5);
    CHECK(call(sys::sys_getxattr, path, "user.a", buffer, 4) == fails(Errno::erange));
    CHECK(call(sys::sys_getxattr, path, "user.a", buffer, 64) == 5);
    CHECK(std::string(buffer, 5) == "value");
    CHECK(call(sys::sys_listxattr, path, buffer, 64) == 7);
    CHECK(std::string(buffer) == "user.a");
    CHECK(call(sys::sys_removexattr, path, "user.a") == 0);
    CHECK(call(sys::sys_listxattr, path, buffer, 64) == 0);
}

TEST_CASE("a slash behind a name asks for a directory, in Linux's order of complaints") {
    boot_files();
    REQUIRE(make_directory("/tmp/slash") == 0);
    REQUIRE(call(sys::sys_symlink, "loop", "/tmp/slash/loop") == 0);
    REQUIRE(call(sys::sys_symlink, "new/", "/tmp/slash/asks") == 0);
    REQUIRE(call(sys::sys_symlink, "/tmp/slash", "/tmp/slash/self") == 0);
    write_file("/tmp/slash/file", "x");
    CHECK(call(sys::sys_unlink, "/tmp/slash/loop/") == fails(Errno::enotdir));
    CHECK(call(sys::sys_rmdir, "/tmp/slash/self/") == fails(Errno::enotdir));
    CHECK(make_directory("/tmp/slash/self/") == fails(Errno::eexist));
    CHECK(call(sys::sys_rename, "/tmp/slash/none/", "/tmp/slash/file/") == fails(Errno::enoent));
    CHECK(call(sys::sys_open, "/tmp/slash/file/", flag::create | flag::write_only, 0644) == fails(Errno::eisdir));
    CHECK(call(sys::sys_open, "/tmp/slash/asks", flag::create, 0644) == fails(Errno::eisdir));
    CHECK(call(sys::sys_open, "/tmp/slash", flag::truncate, 0) == fails(Errno::eisdir));
    CHECK(call(sys::sys_open, "", flag::create | flag::directory, 0644) == fails(Errno::einval));
    char byte;
    CHECK(call(sys::sys_readlink, "", &byte, 1) == fails(Errno::enoent));
    constexpr int no_replace = 1;
    CHECK(call(sys::sys_renameat2, -100, "/tmp/slash/file", -100, "/tmp/slash/.", no_replace) == fails(Errno::eexist));
    fs::LinuxStat stat;
    CHECK(call(sys::sys_lstat, "/tmp/slash/self/", &stat) == 0);
    CHECK((stat.st_mode & fs::file_type_mask) == static_cast<std::uint32_t>(fs::FileType::directory));
}

TEST_CASE("what is made in a set-group-id directory takes its group") {
    boot_files();
    REQUIRE(make_directory("/tmp/group") == 0);
    REQUIRE(call(sys::sys_chown, "/tmp/group", -1, 42) == 0);
    REQUIRE(call(sys::sys_chmod, "/tmp/group", 02775) == 0);
    write_file("/tmp/group/file", "x");
    REQUIRE(make_directory("/tmp/group/directory") == 0);
    CHECK(stat_of("/tmp/group/file").st_gid == 42);
    CHECK(stat_of("/tmp/group/file").st_mode == 0100644);
    CHECK(stat_of("/tmp/group/directory").st_gid == 42);
    CHECK(stat_of("/tmp/group/directory").st_mode == 0042755);
}
