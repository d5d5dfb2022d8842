// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/pipe.hpp"

#include <random>

#include <doctest/doctest.h>

#include "guest-runtime/syscall/descriptor_calls.hpp"
#include "guest-runtime/syscall/event_calls.hpp"
#include "guest-runtime/syscall/io_calls.hpp"
#include "guest-runtime/syscall/name_calls.hpp"
#include "guest-runtime/syscall/open_calls.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/unit/guest/fs/calls.hpp"

using namespace husk;
using namespace husk::test;

namespace {

namespace flag = fs::open_flag;

struct PipeFds {
    std::int32_t fds[2];
    explicit PipeFds(std::uint32_t flags = flag::non_block) { REQUIRE(call(sys::sys_pipe2, fds, flags) == 0); }
    [[nodiscard]] int reader() const { return fds[0]; }
    [[nodiscard]] int writer() const { return fds[1]; }
};

PipeFds* waiting = nullptr;

}  // namespace

TEST_CASE("a pipe passes random pieces on in order") {
    boot_files();
    PipeFds pipe;
    std::mt19937 random(5);
    std::string sent, got;
    for (int step = 0; step < 5000; ++step) {
        std::string piece(random() % 9000, static_cast<char>(random()));
        if (random() % 2 == 0) {
            long count = call(sys::sys_write, pipe.writer(), piece.data(), piece.size());
            if (count > 0) sent += piece.substr(0, static_cast<std::size_t>(count));
            if (count < 0) CHECK(count == fails(Errno::eagain));
        } else {
            long count = call(sys::sys_read, pipe.reader(), piece.data(), piece.size());
            if (count > 0) got += piece.substr(0, static_cast<std::size_t>(count));
        }
        REQUIRE(sent.size() - got.size() <= 65536);
    }
    std::string rest(65536, ' ');
    long count = call(sys::sys_read, pipe.reader(), rest.data(), rest.size());
    if (count > 0) got += rest.substr(0, static_cast<std::size_t>(count));
    CHECK(got == sent);
    close_file(pipe.reader());
    close_file(pipe.writer());
}

TEST_CASE("a full pipe takes small writes whole or not at all, large ones in part") {
    boot_files();
    PipeFds pipe;
    std::string block(65536 - 100, 'b');
    CHECK(call(sys::sys_write, pipe.writer(), block.data(), block.size()) == static_cast<long>(block.size()));
    CHECK(call(sys::sys_write, pipe.writer(), block.data(), 101) == fails(Errno::eagain));
    CHECK(call(sys::sys_write, pipe.writer(), block.data(), 5000) == 100);
    std::int32_t available = 0;
    CHECK(call(sys::sys_ioctl, pipe.reader(), 0x541b, &available) == 0);
    CHECK(available == 65536);
    constexpr int set_size = 1031, get_size = 1032;
    CHECK(call(sys::sys_fcntl, pipe.writer(), set_size, 4096) == fails(Errno::ebusy));
    CHECK(call(sys::sys_fcntl, pipe.writer(), set_size, 100'000) == 131072);
    CHECK(call(sys::sys_fcntl, pipe.reader(), get_size) == 131072);
    CHECK(call(sys::sys_write, pipe.writer(), block.data(), 5000) == 5000);
    std::string all(80'000, ' ');
    CHECK(call(sys::sys_read, pipe.reader(), all.data(), all.size()) == 70536);
    CHECK(all.substr(0, 70536) == std::string(70536, 'b'));
    close_file(pipe.reader());
    close_file(pipe.writer());
}

TEST_CASE("the end of a pipe is end of file for readers, EPIPE and a signal for writers") {
    boot_files();
    PipeFds pipe;
    char byte = 'x';
    CHECK(call(sys::sys_read, pipe.reader(), &byte, 1) == fails(Errno::eagain));
    CHECK(call(sys::sys_read, pipe.writer(), &byte, 1) == fails(Errno::ebadf));
    CHECK(call(sys::sys_pread64, pipe.reader(), &byte, 1, 0) == fails(Errno::espipe));
    CHECK(call(sys::sys_write, pipe.writer(), &byte, 1) == 1);
    close_file(pipe.writer());
    CHECK(call(sys::sys_read, pipe.reader(), &byte, 1) == 1);
    CHECK(call(sys::sys_read, pipe.reader(), &byte, 1) == 0);
    close_file(pipe.reader());

    PipeFds other;
    close_file(other.reader());
    CHECK(call(sys::sys_write, other.writer(), &byte, 1) == fails(Errno::epipe));
    CHECK(take_raised_signals() == 1);
    close_file(other.writer());
}

TEST_CASE("a blocking reader sleeps until bytes or the end come") {
    boot_files();
    PipeFds pipe(0);
    waiting = &pipe;
    char bytes[4] = {};
    on_next_sleep([] { call(sys::sys_write, waiting->writer(), "abc", 3); });
    CHECK(call(sys::sys_read, pipe.reader(), bytes, 4) == 3);
    interrupt_next_sleep();
    CHECK(call(sys::sys_read, pipe.reader(), bytes, 4) == fails(Errno::erestart));
    on_next_sleep([] { close_file(waiting->writer()); });
    CHECK(call(sys::sys_read, pipe.reader(), bytes, 4) == 0);
    close_file(pipe.reader());
}

TEST_CASE("a blocking writer goes on as room appears and reports what it wrote when interrupted") {
    boot_files();
    PipeFds pipe(0);
    waiting = &pipe;
    std::string large(100'000, 'w');
    on_next_sleep([] {
        std::string buffer(40'000, ' ');
        CHECK(call(sys::sys_read, waiting->reader(), buffer.data(), buffer.size()) == 40'000);
    });
    CHECK(call(sys::sys_write, pipe.writer(), large.data(), large.size()) == 100'000);
    interrupt_next_sleep();
    CHECK(call(sys::sys_write, pipe.writer(), large.data(), large.size()) == 5536);
    close_file(pipe.reader());
    close_file(pipe.writer());
}

TEST_CASE("a FIFO joins those who open it") {
    boot_files();
    REQUIRE(call(sys::sys_mknod, "/tmp/fifo", 0010644, 0) == 0);
    CHECK(call(sys::sys_open, "/tmp/fifo", flag::write_only | flag::non_block, 0) == fails(Errno::enxio));
    int reader = open_file("/tmp/fifo", flag::read_only | flag::non_block);
    char byte = 'f';
    CHECK(call(sys::sys_read, reader, &byte, 1) == 0);
    int writer = open_file("/tmp/fifo", flag::write_only);
    CHECK(call(sys::sys_read, reader, &byte, 1) == fails(Errno::eagain));
    CHECK(call(sys::sys_write, writer, &byte, 1) == 1);
    CHECK(call(sys::sys_read, reader, &byte, 1) == 1);
    close_file(reader);
    close_file(writer);
    interrupt_next_sleep();
    CHECK(call(sys::sys_open, "/tmp/fifo", flag::read_only, 0) == fails(Errno::erestart));
    static int late_writer;
    on_next_sleep([] { late_writer = open_file("/tmp/fifo", flag::write_only | flag::non_block); });
    reader = open_file("/tmp/fifo", flag::read_only);
    close_file(reader);
    close_file(late_writer);
}
