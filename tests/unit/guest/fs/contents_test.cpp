// SPDX-License-Identifier: Apache-2.0
// Contents of files of the RAM file system.
#include "guest-runtime/fs/ram_file.hpp"

#include <algorithm>
#include <map>
#include <random>

#include <doctest/doctest.h>

#include "guest-runtime/fs/io_buffer.hpp"
#include "guest-runtime/fs/process_view.hpp"
#include "guest-runtime/memory/file_mapping.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/syscall/content_calls.hpp"
#include "guest-runtime/syscall/descriptor_calls.hpp"
#include "guest-runtime/syscall/event_calls.hpp"
#include "guest-runtime/syscall/io_calls.hpp"
#include "guest-runtime/syscall/name_calls.hpp"
#include "guest-runtime/syscall/open_calls.hpp"
#include "guest-runtime/syscall/stat_calls.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/unit/guest/fs/calls.hpp"

using namespace husk;
using namespace husk::test;

namespace {

namespace flag = fs::open_flag;
constexpr std::uint32_t new_file = flag::read_write | flag::create | flag::truncate;

std::string read_at(int fd, std::size_t size, std::uint64_t offset) {
    std::string text(size, '?');
    long got = call(sys::sys_pread64, fd, text.data(), size, offset);
    REQUIRE(got >= 0);
    text.resize(static_cast<std::size_t>(got));
    return text;
}

}  // namespace

TEST_CASE("random writes, truncations and holes agree with a string") {
    boot_files();
    std::mt19937 random(11);
    std::uint64_t frames_before = frames_in_use();
    int fd = open_file("/tmp/random", new_file);
    std::string model;
    for (int step = 0; step < 3000; ++step) {
        std::uint64_t offset = random() % 40000;
        std::size_t size = random() % 9000;
        switch (random() % 6) {
            case 0:
            case 1: {
                std::string text(size, static_cast<char>('a' + random() % 26));
                REQUIRE(call(sys::sys_pwrite64, fd, text.data(), size, offset) == static_cast<long>(size));
                if (size != 0) {
                    if (model.size() < offset + size) model.resize(offset + size);
                    model.replace(offset, size, text);
                }
                break;
            }
            case 2:
                REQUIRE(call(sys::sys_ftruncate, fd, offset) == 0);
                model.resize(offset);
                break;
            case 3: {
                if (size == 0) break;
                REQUIRE(call(sys::sys_fallocate, fd, 3, offset, size) == 0);
                for (std::size_t i = offset; i < std::min(model.size(), offset + size); ++i) model[i] = 0;
                break;
            }
            case 4:
                if (size == 0) break;
                REQUIRE(call(sys::sys_fallocate, fd, random() % 2, offset, size) == 0);
                if (static_cast<std::uint64_t>(stat_of("/tmp/random").st_size) > model.size()) {
                    model.resize(offset + size);
                }
                break;
            default: {
                std::string expected = offset < model.size() ? model.substr(offset, size) : "";
                REQUIRE(read_at(fd, size, offset) == expected);
            }
        }
        REQUIRE(static_cast<std::size_t>(stat_of("/tmp/random").st_size) == model.size());
    }
    REQUIRE(call(sys::sys_unlink, "/tmp/random") == 0);
    CHECK(read_at(fd, model.size(), 0) == model);
    close_file(fd);
    CHECK(frames_in_use() == frames_before);
}

TEST_CASE("a sparse file costs what is written and can be searched for data") {
    boot_files();
    int fd = open_file("/tmp/sparse", new_file);
    std::uint64_t far = 1ull << 40;
    REQUIRE(call(sys::sys_pwrite64, fd, "data", 4, far) == 4);
    CHECK(stat_of("/tmp/sparse").st_size == static_cast<long>(far + 4));
    CHECK(stat_of("/tmp/sparse").st_blocks == 8);
    CHECK(call(sys::sys_lseek, fd, 0, fs::seek_from::data) == static_cast<long>(far));
    CHECK(call(sys::sys_lseek, fd, 0, fs::seek_from::hole) == 0);
    CHECK(call(sys::sys_lseek, fd, far, fs::seek_from::hole) == static_cast<long>(far + 4));
    CHECK(call(sys::sys_lseek, fd, far + 4, fs::seek_from::data) == fails(Errno::enxio));
    CHECK(read_at(fd, 3, 12345) == std::string(3, '\0'));
    CHECK(call(sys::sys_pwrite64, fd, "x", 1, INT64_MAX) == fails(Errno::efbig));
    REQUIRE(call(sys::sys_unlink, "/tmp/sparse") == 0);
    close_file(fd);
}

TEST_CASE("positions move by what was read or written, and seeks keep their bounds") {
    boot_files();
    int fd = open_file("/tmp/position", new_file);
    CHECK(call(sys::sys_write, fd, "0123456789", 10) == 10);
    CHECK(call(sys::sys_lseek, fd, -3, fs::seek_from::current) == 7);
    char buffer[8] = {};
    CHECK(call(sys::sys_read, fd, buffer, 8) == 3);
    CHECK(std::string(buffer) == "789");
    CHECK(call(sys::sys_lseek, fd, -11, fs::seek_from::end) == fails(Errno::einval));
    CHECK(call(sys::sys_lseek, fd, 0, 9) == fails(Errno::einval));
    CHECK(call(sys::sys_lseek, fd, 100, fs::seek_from::start) == 100);
    CHECK(call(sys::sys_read, fd, buffer, 8) == 0);
    int appending = open_file("/tmp/position", flag::write_only | flag::append);
    CHECK(call(sys::sys_write, appending, "ab", 2) == 2);
    CHECK(call(sys::sys_lseek, appending, 0, fs::seek_from::current) == 12);
    CHECK(call(sys::sys_read, appending, buffer, 1) == fails(Errno::ebadf));
    int reading = open_file("/tmp/position", flag::read_only);
    CHECK(call(sys::sys_write, reading, "x", 1) == fails(Errno::ebadf));
    CHECK(call(sys::sys_ftruncate, reading, 0) == fails(Errno::einval));
    for (int each : {fd, appending, reading}) close_file(each);
    CHECK(read_file("/tmp/position") == "0123456789ab");
}

TEST_CASE("vectors are filled and drained in order, and checked") {
    boot_files();
    int fd = open_file("/tmp/vectors", new_file);
    char first[] = "abc", second[] = "defgh";
    fs::UserSegment out[] = {{as_argument(&first[0]), 3}, {0, 0}, {as_argument(&second[0]), 5}};
    CHECK(call(sys::sys_writev, fd, out, 3) == 8);
    char a[2], b[10] = {};
    fs::UserSegment in[] = {{as_argument(&a[0]), 2}, {as_argument(&b[0]), 9}};
    CHECK(call(sys::sys_preadv, fd, in, 2, 1) == 7);
    CHECK(std::string(a, 2) == "bc");
    CHECK(std::string(b) == "defgh");
    CHECK(call(sys::sys_writev, fd, out, 1025) == fails(Errno::einval));
    out[0].size_bytes = 1ull << 63;
    CHECK(call(sys::sys_writev, fd, out, 3) == fails(Errno::einval));
    close_file(fd);
}

TEST_CASE("a bad address is EFAULT, after what could be moved has been moved") {
    boot_files();
    int fd = open_file("/tmp/faults", new_file);
    std::string text(8192, 'f');
    CHECK(call(sys::sys_write, fd, 16, 10) == fails(Errno::efault));
    forbid_user_memory(text.data() + 5000, text.data() + 8192);
    CHECK(call(sys::sys_write, fd, text.data(), text.size()) == 4096);
    forbid_user_memory(nullptr, nullptr);
    CHECK(stat_of("/tmp/faults").st_size == 4096);
    CHECK(call(sys::sys_open, 16, 0, 0) == fails(Errno::efault));
    close_file(fd);
}

TEST_CASE("a file system without room says ENOSPC and goes on") {
    boot_files();
    int fd = open_file("/tmp/full", new_file);
    std::string text(20 * 4096, 'x');
    limit_free_frames(5);
    CHECK(call(sys::sys_write, fd, text.data(), text.size()) == 5 * 4096);
    CHECK(call(sys::sys_write, fd, text.data(), text.size()) == fails(Errno::enospc));
    CHECK(call(sys::sys_fallocate, fd, 0, 0, text.size()) == fails(Errno::enospc));
    CHECK(call(sys::sys_ftruncate, fd, 0) == 0);
    CHECK(call(sys::sys_pwrite64, fd, text.data(), 4096, 0) == 4096);
    limit_free_frames(UINT64_MAX);
    close_file(fd);
}

TEST_CASE("RLIMIT_FSIZE cuts a write short, then raises SIGXFSZ") {
    boot_files();
    int fd = open_file("/tmp/limited", new_file);
    fs::set_file_size_limit(6);
    CHECK(call(sys::sys_write, fd, "12345678", 8) == 6);
    CHECK(call(sys::sys_write, fd, "9", 1) == fails(Errno::efbig));
    CHECK(call(sys::sys_ftruncate, fd, 7) == fails(Errno::efbig));
    fs::set_file_size_limit(UINT64_MAX);
    CHECK(take_raised_signals() == 2);
    close_file(fd);
}

TEST_CASE("a mapping shares the file's pages and ends at its size") {
    boot_files();
    int fd = open_file("/tmp/mapped", new_file);
    REQUIRE(call(sys::sys_write, fd, "first", 5) == 5);
    auto source = fs::page_source_of(fd, true, memory::protection::read | memory::protection::write);
    REQUIRE(source.ok());
    auto frame = source.value()->page(0, true);
    REQUIRE(frame.ok());
    memory::frame_pointer<char>(frame.value())[0] = 'F';
    CHECK(read_at(fd, 5, 0) == "First");
    CHECK(source.value()->page(1, true).error() == Errno::enxio);
    REQUIRE(call(sys::sys_unlink, "/tmp/mapped") == 0);
    close_file(fd);
    CHECK(memory::frame_pointer<char>(frame.value())[4] == 't');
    memory::release_frames(frame.value(), 0);

    int reading = open_file("/etc/passwd", flag::read_only);
    CHECK(fs::page_source_of(reading, true, memory::protection::read).error() == Errno::eacces);
    CHECK(fs::page_source_of(reading, false, memory::protection::read).ok());
    close_file(reading);
    int zero = open_file("/dev/zero", flag::read_write);
    auto zeros = fs::page_source_of(zero, false, memory::protection::read);
    REQUIRE(zeros.ok());
    CHECK_FALSE(zeros.value());
    close_file(zero);
    int null = open_file("/dev/null", flag::read_write);
    CHECK(fs::page_source_of(null, false, memory::protection::read).error() == Errno::enodev);
    close_file(null);
}

TEST_CASE("sendfile and copy_file_range copy, move offsets and check them") {
    boot_files();
    std::string text(150'000, ' ');
    std::generate(text.begin(), text.end(), [n = 0]() mutable { return static_cast<char>(n++ * 7); });
    write_file("/tmp/source", text);
    int from = open_file("/tmp/source", flag::read_only);
    int to = open_file("/tmp/target", new_file);
    std::int64_t offset = 10;
    CHECK(call(sys::sys_sendfile, to, from, &offset, 100'000) == 100'000);
    CHECK(offset == 100'010);
    CHECK(call(sys::sys_lseek, from, 0, fs::seek_from::current) == 0);
    CHECK(call(sys::sys_copy_file_range, from, &offset, to, nullptr, 1'000'000, 0) == 49'990);
    CHECK(read_file("/tmp/target") == text.substr(10));
    CHECK(call(sys::sys_copy_file_range, to, nullptr, from, nullptr, 1, 0) == fails(Errno::ebadf));
    offset = -1;
    CHECK(call(sys::sys_sendfile, to, from, &offset, 1) == fails(Errno::einval));
    close_file(from);
    close_file(to);
}

TEST_CASE("a memory file keeps its seals") {
    boot_files();
    constexpr int add_seals = 1033, get_seals = 1034;
    long fd = call(sys::sys_memfd_create, "name", 2);
    REQUIRE(fd >= 0);
    CHECK(call(sys::sys_write, fd, "12345", 5) == 5);
    CHECK(call(sys::sys_fcntl, fd, get_seals) == 0);
    CHECK(call(sys::sys_fcntl, fd, add_seals, 2 | 4) == 0);
    CHECK(call(sys::sys_ftruncate, fd, 4) == fails(Errno::eperm));
    CHECK(call(sys::sys_write, fd, "6", 1) == fails(Errno::eperm));
    CHECK(call(sys::sys_pwrite64, fd, "a", 1, 0) == 1);
    CHECK(call(sys::sys_fcntl, fd, add_seals, 8 | 1) == 0);
    CHECK(call(sys::sys_pwrite64, fd, "b", 1, 0) == fails(Errno::eperm));
    CHECK(call(sys::sys_fcntl, fd, add_seals, 16) == fails(Errno::eperm));
    CHECK(call(sys::sys_fcntl, fd, get_seals) == 15);
    close_file(static_cast<int>(fd));
    fd = call(sys::sys_memfd_create, "unsealable", 0);
    CHECK(call(sys::sys_fcntl, fd, add_seals, 1) == fails(Errno::eperm));
    close_file(static_cast<int>(fd));
}
