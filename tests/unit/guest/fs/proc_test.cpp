// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/proc.hpp"

#include <doctest/doctest.h>

#include "guest-runtime/syscall/descriptor_calls.hpp"
#include "guest-runtime/syscall/directory_calls.hpp"
#include "guest-runtime/syscall/event_calls.hpp"
#include "guest-runtime/syscall/io_calls.hpp"
#include "guest-runtime/syscall/name_calls.hpp"
#include "guest-runtime/syscall/open_calls.hpp"
#include "tests/unit/guest/fs/calls.hpp"

using namespace husk;
using namespace husk::test;

namespace {

namespace flag = fs::open_flag;

std::string link_text(const std::string& path) {
    char buffer[256];
    long size = call(sys::sys_readlink, path.c_str(), buffer, sizeof buffer);
    REQUIRE(size >= 0);
    return {buffer, static_cast<std::size_t>(size)};
}
std::string of_descriptor(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

}  // namespace

TEST_CASE("the files of a process have Linux's form") {
    boot_files();
    CHECK(read_file("/proc/self/maps").starts_with("00400000-00401000 r-xp 00000000 00:00 0 "));
    CHECK(read_file("/proc/self/maps").find("rw-p 00000000 00:00 0                          [stack]\n") !=
          std::string::npos);
    CHECK(read_file("/proc/self/stat").starts_with("1 () "));
    CHECK(read_file("/proc/self/cmdline") == std::string("./program\0one", 14));
    CHECK(link_text("/proc/self/exe") == "/data/here/program");
    CHECK(link_text("/proc/self") == "1");
    CHECK(link_text("/proc/self/cwd") == "/");
    CHECK(read_file("/proc/1/task/1/status").find("Pid:\t1\n") != std::string::npos);
    CHECK(call(sys::sys_open, "/proc/1/task/2/status", 0, 0) == fails(Errno::enoent));
    CHECK(call(sys::sys_open, "/proc/01", 0, 0) == fails(Errno::enoent));
    write_file("/proc/self/comm", "renamed\n");
    CHECK(read_file("/proc/self/comm") == "renamed\n");
    CHECK(call(sys::sys_open, "/proc/self/new", flag::create, 0644) == fails(Errno::eperm));
}

TEST_CASE("the files of the machine have Linux's form") {
    boot_files();
    CHECK(read_file("/proc/meminfo").starts_with("MemTotal:         262144 kB\n"));
    CHECK(read_file("/proc/stat").starts_with("cpu  3 0 0 "));
    CHECK(read_file("/proc/cpuinfo").find("processor\t: 1\n") != std::string::npos);
    CHECK(read_file("/proc/mounts").starts_with("rootfs / tmpfs rw,relatime 0 0\nproc /proc proc "));
    CHECK(read_file("/sys/devices/system/cpu/online") == "0-1\n");
    CHECK(read_file("/sys/devices/system/cpu/cpu1/topology/core_id") == "1\n");
    CHECK(call(sys::sys_open, "/sys/devices/system/cpu/cpu2", 0, 0) == fails(Errno::enoent));
    CHECK(read_file("/proc/sys/kernel/random/boot_id") == read_file("/proc/sys/kernel/random/boot_id"));
    CHECK(read_file("/proc/sys/kernel/random/uuid") != read_file("/proc/sys/kernel/random/uuid"));
    CHECK(read_file("/proc/sys/kernel/random/uuid").size() == 37);
}

TEST_CASE("descriptors show the path they have now, and open as what they are") {
    boot_files();
    write_file("/tmp/shown", "text");
    int fd = open_file("/tmp/shown", flag::read_only);
    CHECK(link_text(of_descriptor(fd)) == "/tmp/shown");
    CHECK(read_file(of_descriptor(fd).c_str()) == "text");
    REQUIRE(call(sys::sys_unlink, "/tmp/shown") == 0);
    CHECK(link_text(of_descriptor(fd)) == "/tmp/shown (deleted)");
    CHECK(read_file(of_descriptor(fd).c_str()) == "text");
    CHECK(call(sys::sys_lseek, fd, 2, 0) == 2);
    CHECK(read_file(("/proc/self/fdinfo/" + std::to_string(fd)).c_str()).starts_with("pos:\t2\nflags:\t0100000\n"));
    close_file(fd);
    CHECK(call(sys::sys_open, of_descriptor(fd).c_str(), 0, 0) == fails(Errno::enoent));
    std::int32_t fds[2];
    REQUIRE(call(sys::sys_pipe, fds) == 0);
    CHECK(link_text(of_descriptor(fds[0])).starts_with("pipe:["));
    int again = open_file(of_descriptor(fds[1]).c_str(), flag::write_only);
    CHECK(call(sys::sys_write, again, "x", 1) == 1);
    char byte;
    CHECK(call(sys::sys_read, fds[0], &byte, 1) == 1);
    for (int each : {fds[0], fds[1], again}) close_file(each);
    fd = static_cast<int>(call(sys::sys_eventfd2, 0, 0));
    CHECK(link_text(of_descriptor(fd)) == "anon_inode:[eventfd]");
    close_file(fd);
}

TEST_CASE("devices do what they are for") {
    boot_files();
    char bytes[16];
    int fd = open_file("/dev/null", flag::read_write);
    CHECK(call(sys::sys_read, fd, bytes, 16) == 0);
    CHECK(call(sys::sys_write, fd, bytes, 16) == 16);
    close_file(fd);
    fd = open_file("/dev/zero", flag::read_write);
    bytes[3] = 1;
    CHECK(call(sys::sys_read, fd, bytes, 16) == 16);
    CHECK(bytes[3] == 0);
    close_file(fd);
    fd = open_file("/dev/full", flag::read_write);
    CHECK(call(sys::sys_write, fd, bytes, 16) == fails(Errno::enospc));
    close_file(fd);
    fd = open_file("/dev/urandom", flag::read_only);
    CHECK(call(sys::sys_read, fd, bytes, 16) == 16);
    close_file(fd);
    CHECK(call(sys::sys_open, "/dev/tty", flag::read_write, 0) == fails(Errno::enxio));
    CHECK(call(sys::sys_mknod, "/tmp/unknown", 0020644, fs::make_device(200, 1)) == 0);
    CHECK(call(sys::sys_open, "/tmp/unknown", flag::read_only, 0) == fails(Errno::enxio));
}
