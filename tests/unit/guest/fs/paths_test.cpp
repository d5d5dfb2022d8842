// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/path.hpp"

#include <doctest/doctest.h>

#include "guest-runtime/syscall/directory_calls.hpp"
#include "guest-runtime/syscall/name_calls.hpp"
#include "guest-runtime/syscall/open_calls.hpp"
#include "guest-runtime/syscall/stat_calls.hpp"
#include "tests/unit/guest/fs/calls.hpp"

using namespace husk;
using namespace husk::test;

namespace {

namespace flag = fs::open_flag;

long open_path(const std::string& path, std::uint32_t flags = flag::read_only) {
    long fd = call(sys::sys_open, path.c_str(), flags, 0644);
    if (fd >= 0) close_file(static_cast<int>(fd));
    return fd >= 0 ? 0 : fd;
}

std::string working_directory() {
    char buffer[4096];
    REQUIRE(call(sys::sys_getcwd, buffer, sizeof buffer) > 0);
    return buffer;
}

}  // namespace

TEST_CASE("paths lead through slashes, dots and parents") {
    boot_files();
    REQUIRE(call(sys::sys_mkdir, "/tmp/paths", 0755) == 0);
    REQUIRE(call(sys::sys_mkdir, "/tmp/paths/sub", 0755) == 0);
    write_file("/tmp/paths/file", "x");
    CHECK(open_path("///tmp//paths/./sub/../file") == 0);
    CHECK(open_path("/../../tmp/paths/file") == 0);
    CHECK(open_path("tmp/paths/file") == 0);
    CHECK(open_path("/tmp/paths/file/") == fails(Errno::enotdir));
    CHECK(open_path("/tmp/paths/file/..") == fails(Errno::enotdir));
    CHECK(open_path("/tmp/paths/sub/") == 0);
    CHECK(open_path("") == fails(Errno::enoent));
    CHECK(open_path("/tmp/missing/file") == fails(Errno::enoent));
    CHECK(open_path("/tmp/missing/", flag::create | flag::write_only) == fails(Errno::eisdir));
}

TEST_CASE("names and paths have their longest length") {
    boot_files();
    std::string longest(255, 'n');
    CHECK(open_path("/tmp/" + longest, flag::create | flag::write_only) == 0);
    CHECK(open_path("/tmp/" + longest) == 0);
    CHECK(open_path("/tmp/" + longest + "n") == fails(Errno::enametoolong));
    CHECK(open_path("/tmp/" + longest + "n/x") == fails(Errno::enametoolong));
    std::string dots = "/tmp";
    while (dots.size() < 4000) dots += "/.";
    CHECK(open_path(dots) == 0);
    while (dots.size() < 4096) dots += "/";
    CHECK(open_path(dots) == fails(Errno::enametoolong));
}

TEST_CASE("symlinks are followed, kept, nested and refused when they run in a circle") {
    boot_files();
    REQUIRE(call(sys::sys_mkdir, "/tmp/links", 0755) == 0);
    write_file("/tmp/links/file", "target");
    REQUIRE(call(sys::sys_symlink, "file", "/tmp/links/relative") == 0);
    REQUIRE(call(sys::sys_symlink, "/tmp/links", "/tmp/links/absolute") == 0);
    REQUIRE(call(sys::sys_symlink, "circle2", "/tmp/links/circle1") == 0);
    REQUIRE(call(sys::sys_symlink, "circle1", "/tmp/links/circle2") == 0);
    REQUIRE(call(sys::sys_symlink, "nowhere", "/tmp/links/dangling") == 0);
    CHECK(read_file("/tmp/links/relative") == "target");
    CHECK(read_file("/tmp/links/absolute/absolute/../links/relative") == "target");
    CHECK(open_path("/tmp/links/circle1") == fails(Errno::eloop));
    CHECK(open_path("/tmp/links/circle1", flag::path_only | flag::no_follow) == 0);
    CHECK(open_path("/tmp/links/relative", flag::no_follow) == fails(Errno::eloop));
    CHECK(open_path("/tmp/links/relative/") == fails(Errno::enotdir));
    CHECK(open_path("/tmp/links/absolute/", flag::no_follow | flag::directory) == 0);
    CHECK(open_path("/tmp/links/dangling") == fails(Errno::enoent));
    CHECK(open_path("/tmp/links/dangling", flag::create | flag::exclusive) == fails(Errno::eexist));
    CHECK(open_path("/tmp/links/dangling", flag::create | flag::write_only) == 0);
    CHECK(open_path("/tmp/links/nowhere") == 0);
    fs::LinuxStat stat = {};
    REQUIRE(call(sys::sys_lstat, "/tmp/links/relative", &stat) == 0);
    CHECK((stat.st_mode & fs::file_type_mask) == static_cast<std::uint32_t>(fs::FileType::symlink));
    CHECK(stat.st_size == 4);
    char text[3];
    CHECK(call(sys::sys_readlink, "/tmp/links/relative", text, sizeof text) == 3);
    CHECK(std::string(text, 3) == "fil");
    CHECK(call(sys::sys_readlink, "/tmp/links/file", text, sizeof text) == fails(Errno::einval));

    for (int i = 0; i < 41; ++i) {
        std::string name = "/tmp/links/chain" + std::to_string(i);
        std::string target = i == 0 ? "file" : "chain" + std::to_string(i - 1);
        REQUIRE(call(sys::sys_symlink, target.c_str(), name.c_str()) == 0);
    }
    CHECK(open_path("/tmp/links/chain39") == 0);
    CHECK(open_path("/tmp/links/chain40") == fails(Errno::eloop));
}

TEST_CASE("the working directory keeps its name when directories move") {
    boot_files();
    REQUIRE(call(sys::sys_mkdir, "/tmp/here", 0755) == 0);
    REQUIRE(call(sys::sys_mkdir, "/tmp/here/inner", 0755) == 0);
    REQUIRE(call(sys::sys_chdir, "/tmp/here/inner") == 0);
    CHECK(working_directory() == "/tmp/here/inner");
    REQUIRE(call(sys::sys_rename, "/tmp/here", "/tmp/there") == 0);
    CHECK(working_directory() == "/tmp/there/inner");
    CHECK(call(sys::sys_rename, "/tmp/there", "/tmp/there/inner/below") == fails(Errno::einval));
    REQUIRE(call(sys::sys_chdir, "..") == 0);
    CHECK(working_directory() == "/tmp/there");
    REQUIRE(call(sys::sys_chdir, "inner") == 0);
    REQUIRE(call(sys::sys_rmdir, "/tmp/there/inner") == 0);
    char buffer[64];
    CHECK(call(sys::sys_getcwd, buffer, sizeof buffer) == fails(Errno::enoent));
    CHECK(open_path("file", flag::create | flag::write_only) == fails(Errno::enoent));
    REQUIRE(call(sys::sys_chdir, "/") == 0);
    CHECK(call(sys::sys_getcwd, buffer, 1) == fails(Errno::erange));
    CHECK(call(sys::sys_getcwd, buffer, 2) == 2);
    CHECK(call(sys::sys_chdir, "/dev/null") == fails(Errno::enotdir));
}

TEST_CASE("mount points are crossed downwards and upwards") {
    boot_files();
    REQUIRE(call(sys::sys_chdir, "/proc/sys/kernel") == 0);
    CHECK(working_directory() == "/proc/sys/kernel");
    CHECK(open_path("../../../tmp") == 0);
    CHECK(stat_of("/proc").st_dev != stat_of("/").st_dev);
    CHECK(stat_of("/proc/..").st_ino == stat_of("/").st_ino);
    CHECK(call(sys::sys_rmdir, "/proc") == fails(Errno::ebusy));
    CHECK(call(sys::sys_rename, "/proc", "/tmp/proc") == fails(Errno::ebusy));
    REQUIRE(call(sys::sys_chdir, "/") == 0);
}

TEST_CASE("the boot's working directory was made") {
    boot_files();
    CHECK(open_path("/data/here", flag::directory) == 0);
}

TEST_CASE("the *at calls start at a directory descriptor") {
    boot_files();
    REQUIRE(call(sys::sys_mkdir, "/tmp/at", 0755) == 0);
    int directory = open_file("/tmp/at", flag::directory | flag::path_only);
    long fd = call(sys::sys_openat, directory, "file", flag::create | flag::write_only, 0600);
    REQUIRE(fd >= 0);
    CHECK((stat_of("/tmp/at/file").st_mode & 07777) == 0600);
    CHECK(call(sys::sys_openat, fd, "x", 0, 0) == fails(Errno::enotdir));
    CHECK(call(sys::sys_openat, 999, "x", 0, 0) == fails(Errno::ebadf));
    CHECK(call(sys::sys_mkdirat, 999, "/tmp/at/absolute", 0755) == 0);
    fs::LinuxStat stat = {};
    CHECK(call(sys::sys_newfstatat, fd, "", &stat, fs::at_flag::empty_path) == 0);
    CHECK(stat.st_ino == stat_of("/tmp/at/file").st_ino);
    CHECK(call(sys::sys_newfstatat, fd, "", &stat, 0) == fails(Errno::enoent));
    CHECK(call(sys::sys_unlinkat, directory, "file", 0) == 0);
    close_file(static_cast<int>(fd));
    close_file(directory);
}
