// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/guest/fs/calls.hpp"

#include <doctest/doctest.h>

#include "guest-runtime/fs/initialise.hpp"
#include "guest-runtime/syscall/descriptor_calls.hpp"
#include "guest-runtime/syscall/directory_calls.hpp"
#include "guest-runtime/syscall/io_calls.hpp"
#include "guest-runtime/syscall/open_calls.hpp"
#include "guest-runtime/syscall/stat_calls.hpp"

namespace husk::test {

void boot_files() {
    static bool done = false;
    if (!done) fs::initialise();
    done = true;
    REQUIRE(call(sys::sys_chdir, "/") == 0);
}

int open_file(const char* path, std::uint32_t flags, std::uint32_t mode) {
    long fd = call(sys::sys_open, path, flags, mode);
    CAPTURE(path);
    REQUIRE(fd >= 0);
    return static_cast<int>(fd);
}

void close_file(int fd) { REQUIRE(call(sys::sys_close, fd) == 0); }

std::string read_file(const char* path) {
    int fd = open_file(path, fs::open_flag::read_only);
    std::string text;
    char buffer[1000];
    for (;;) {
        long got = call(sys::sys_read, fd, buffer, sizeof buffer);
        REQUIRE(got >= 0);
        if (got == 0) break;
        text.append(buffer, static_cast<std::size_t>(got));
    }
    close_file(fd);
    return text;
}

void write_file(const char* path, const std::string& text) {
    int fd = open_file(path, fs::open_flag::write_only | fs::open_flag::create | fs::open_flag::truncate);
    REQUIRE(call(sys::sys_write, fd, text.data(), text.size()) == static_cast<long>(text.size()));
    close_file(fd);
}

fs::LinuxStat stat_of(const char* path) {
    fs::LinuxStat stat = {};
    CAPTURE(path);
    REQUIRE(call(sys::sys_stat, path, &stat) == 0);
    return stat;
}

}  // namespace husk::test
