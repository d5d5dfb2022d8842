// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/descriptor_table.hpp"

#include <doctest/doctest.h>

#include "guest-runtime/fs/event_file.hpp"
#include "guest-runtime/syscall/descriptor_calls.hpp"
#include "guest-runtime/syscall/io_calls.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/unit/guest/fs/calls.hpp"

using namespace husk;
using namespace husk::test;

namespace {

namespace flag = fs::open_flag;

RefPtr<fs::File> some_file() {
    auto file = fs::make_event_file(0, false, 0);
    REQUIRE(file.ok());
    return std::move(file).value();
}

struct LinuxLock {
    std::int16_t type = 0, whence = 0;
    std::int32_t padding = 0;
    std::int64_t start = 0, length = 0;
    std::int32_t pid = 0, padding_end = 0;
};

}  // namespace

TEST_CASE("the lowest free descriptor is given out, up to the limit") {
    fs::DescriptorTable table;
    RefPtr<fs::File> file = some_file();
    table.set_limit(100);
    for (int fd = 0; fd < 100; ++fd) CHECK(table.add(file, false).value() == fd);
    CHECK(table.add(file, false).error() == Errno::emfile);
    CHECK(table.close(40).ok());
    CHECK(table.close(7).ok());
    CHECK(table.add(file, false, 20).value() == 40);
    CHECK(table.add(file, false).value() == 7);
    CHECK(table.add(file, false, 100).error() == Errno::einval);
    CHECK(table.close(7).ok());
    CHECK(table.close(7).error() == Errno::ebadf);
    CHECK(table.close(-1).error() == Errno::ebadf);
    CHECK(table.get(1000).error() == Errno::ebadf);
    CHECK(table.put(100, file, false).error() == Errno::ebadf);
    CHECK(table.put(7, file, true).ok());
    CHECK(table.close_on_exec(7).value());
    CHECK_FALSE(table.close_on_exec(8).value());
    table.close_range(8, 50, true);
    CHECK(table.close_on_exec(8).value());
    table.close_range(0, UINT32_MAX, false);
    CHECK_FALSE(table.next_open(0));
}

TEST_CASE("duplicates share one description") {
    boot_files();
    int fd = open_file("/tmp/dup", flag::read_write | flag::create | flag::truncate | flag::close_on_exec);
    constexpr int get_descriptor = 1, set_descriptor = 2, get_status = 3, set_status = 4, duplicate_from = 0;
    CHECK(call(sys::sys_fcntl, fd, get_descriptor) == 1);
    long other = call(sys::sys_dup, fd);
    REQUIRE(other > fd);
    CHECK(call(sys::sys_fcntl, other, get_descriptor) == 0);
    CHECK(call(sys::sys_fcntl, other, set_descriptor, 1) == 0);
    CHECK(call(sys::sys_fcntl, other, get_descriptor) == 1);
    REQUIRE(call(sys::sys_write, fd, "abc", 3) == 3);
    CHECK(call(sys::sys_lseek, other, 0, fs::seek_from::current) == 3);
    CHECK(call(sys::sys_fcntl, fd, set_status, flag::append | flag::non_block | flag::read_only) == 0);
    CHECK(call(sys::sys_fcntl, other, get_status) ==
          (flag::read_write | flag::append | flag::non_block | flag::large_file));
    CHECK(call(sys::sys_dup2, fd, 50) == 50);
    CHECK(call(sys::sys_dup2, fd, fd) == fd);
    CHECK(call(sys::sys_dup3, fd, fd, 0) == fails(Errno::einval));
    CHECK(call(sys::sys_dup3, fd, 50, 1) == fails(Errno::einval));
    CHECK(call(sys::sys_dup2, 999, 50) == fails(Errno::ebadf));
    CHECK(call(sys::sys_fcntl, fd, duplicate_from, 60) == 60);
    CHECK(call(sys::sys_fcntl, fd, duplicate_from, 1 << 20) == fails(Errno::einval));
    CHECK(call(sys::sys_fcntl, fd, 77) == fails(Errno::einval));
    CHECK(call(sys::sys_close_range, 50, 60, 0) == 0);
    CHECK(call(sys::sys_close, 60) == fails(Errno::ebadf));
    close_file(fd);
    CHECK(call(sys::sys_lseek, other, 0, fs::seek_from::start) == 0);
    close_file(static_cast<int>(other));
}

TEST_CASE("an O_PATH descriptor is a place and nothing else") {
    boot_files();
    int fd = open_file("/etc/passwd", flag::path_only);
    char byte;
    CHECK(call(sys::sys_read, fd, &byte, 1) == fails(Errno::ebadf));
    CHECK(call(sys::sys_ioctl, fd, 0x5401, &byte) == fails(Errno::ebadf));
    std::string path = "/proc/self/fd/" + std::to_string(fd);
    CHECK(read_file(path.c_str()).starts_with("root:"));
    close_file(fd);
}

TEST_CASE("standard streams move bytes to and from the console") {
    boot_files();
    take_console_output();
    CHECK(call(sys::sys_write, 1, "hello\n", 6) == 6);
    std::string large(200'000, 'l');
    CHECK(call(sys::sys_write, 2, large.data(), large.size()) == 200'000);
    CHECK(take_console_output().size() == 200'006);
    char buffer[8] = {};
    set_console_input("input", false);
    CHECK(call(sys::sys_read, 0, buffer, 3) == 3);
    CHECK(call(sys::sys_read, 0, buffer, 8) == 2);
    on_next_sleep([] { set_console_input("late", false); });
    CHECK(call(sys::sys_read, 0, buffer, 8) == 4);
    interrupt_next_sleep();
    CHECK(call(sys::sys_read, 0, buffer, 8) == fails(Errno::erestart));
    set_console_input("", true);
    CHECK(call(sys::sys_read, 0, buffer, 8) == 0);
    CHECK(call(sys::sys_write, 0, "x", 1) == fails(Errno::ebadf));
    CHECK(call(sys::sys_ioctl, 1, 0x5401, buffer) == fails(Errno::enotty));
    CHECK(call(sys::sys_lseek, 1, 0, 0) == fails(Errno::espipe));
}

TEST_CASE("flock and open-description locks keep descriptions apart") {
    boot_files();
    constexpr int shared = 1, exclusive = 2, no_wait = 4, unlock = 8;
    constexpr int get_lock = 36, set_lock = 37, get_posix = 5, set_posix = 6;
    int a = open_file("/tmp/lock", flag::read_write | flag::create);
    int b = open_file("/tmp/lock", flag::read_write);
    CHECK(call(sys::sys_flock, a, shared) == 0);
    CHECK(call(sys::sys_flock, b, shared) == 0);
    CHECK(call(sys::sys_flock, b, exclusive | no_wait) == fails(Errno::eagain));
    CHECK(call(sys::sys_flock, a, unlock) == 0);
    CHECK(call(sys::sys_flock, b, exclusive | no_wait) == 0);

    LinuxLock write_lock{1, 0, 0, 10, 20, 0, 0};
    CHECK(call(sys::sys_fcntl, a, set_lock, &write_lock) == 0);
    LinuxLock other{1, 0, 0, 29, 1, 0, 0};
    CHECK(call(sys::sys_fcntl, b, set_lock, &other) == fails(Errno::eagain));
    CHECK(call(sys::sys_fcntl, b, get_lock, &other) == 0);
    CHECK(other.type == 1);
    CHECK(other.start == 10);
    CHECK(other.length == 20);
    LinuxLock middle{2, 0, 0, 15, 5, 0, 0};
    CHECK(call(sys::sys_fcntl, a, set_lock, &middle) == 0);
    LinuxLock gap{1, 0, 0, 15, 5, 0, 0};
    CHECK(call(sys::sys_fcntl, b, set_lock, &gap) == 0);
    CHECK(call(sys::sys_fcntl, b, set_posix, &write_lock) == 0);
    CHECK(call(sys::sys_fcntl, a, get_posix, &write_lock) == 0);
    CHECK(write_lock.type == 2);
    close_file(a);
    LinuxLock all{1, 0, 0, 0, 0, 0, 0};
    CHECK(call(sys::sys_fcntl, b, set_lock, &all) == 0);
    close_file(b);
}
