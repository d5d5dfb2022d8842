// SPDX-License-Identifier: Apache-2.0
// Pipes and event counters: what waits, what is cut, what is whole, and what the other end's close means.
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <vector>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

constexpr std::size_t atomic_bytes = 4096;  // PIPE_BUF

struct Pipe {
    int reader, writer;
    explicit Pipe(int flags = 0) {
        int ends[2];
        needs(pipe2(ends, flags));
        reader = ends[0];
        writer = ends[1];
    }
    Pipe(const Pipe&) = delete;
    ~Pipe() {
        close(reader);
        close(writer);
    }
    void fill() const {
        const int flags = fcntl(writer, F_GETFL);
        fcntl(writer, F_SETFL, flags | O_NONBLOCK);
        while (write(writer, buffer, sizeof buffer) > 0) {
        }
        while (write(writer, buffer, 1) > 0) {
        }
        fcntl(writer, F_SETFL, flags);
    }
};

void wrong_arguments() {
    const Pipe ends(O_NONBLOCK);
    const int event = static_cast<int>(needs(eventfd(0, EFD_NONBLOCK)));
    const int semaphore = static_cast<int>(needs(eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK)));
    const unsigned long long most = ~0ull - 1, too_much = ~0ull, one = 1;
    answer_all({
        {SYS_pipe, "a bad place", nowhere},
        {SYS_pipe2, "an unknown flag", buffer, 1},
        {SYS_pipe2, "a bad place", nowhere, 0},
        {SYS_read, "an empty pipe without waiting", ends.reader, buffer, 1},
        {SYS_read, "nothing from an empty pipe", ends.reader, buffer, 0},
        {SYS_read, "the end that writes", ends.writer, buffer, 1},
        {SYS_write, "the end that reads", ends.reader, buffer, 1},
        {SYS_write, "nothing to a pipe", ends.writer, buffer, 0},
        {SYS_write, "a pipe from a bad place", ends.writer, nowhere, 1},
        {SYS_write, "three bytes to a pipe", ends.writer, "abc", 3},
        {SYS_read, "a pipe into a bad place", ends.reader, nowhere, 1},
        {SYS_read, "more than a pipe holds", ends.reader, buffer, 100},
        {SYS_lseek, "a pipe from its end", ends.reader, 0, SEEK_CUR},
        {SYS_fcntl, "F_GETPIPE_SZ", ends.reader, F_GETPIPE_SZ, 0},
        {SYS_fcntl, "F_SETPIPE_SZ is rounded up to pages", ends.reader, F_SETPIPE_SZ, 5000},
        {SYS_fcntl, "F_SETPIPE_SZ of nothing", ends.reader, F_SETPIPE_SZ, 0},
        {SYS_fcntl, "F_SETPIPE_SZ of a power of two", ends.reader, F_SETPIPE_SZ, 100000},
        {SYS_eventfd, "a count", 5},
        {SYS_eventfd2, "an unknown flag", 0, 4},
        {SYS_read, "an event that has not come", event, buffer, 8},
        {SYS_read, "an event into too little", event, buffer, 7},
        {SYS_write, "an event from too little", event, &one, 7},
        {SYS_write, "the largest number that cannot be", event, &too_much, 8},
        {SYS_write, "the largest number", event, &most, 8},
        {SYS_write, "one too many", event, &one, 8},
        {SYS_read, "an event", event, buffer, 100},
        {SYS_read, "a semaphore", semaphore, buffer, 8},
        {SYS_pread64, "an event", event, buffer, 8, 0},
        {SYS_lseek, "an event", event, 0, SEEK_SET},
        {SYS_ftruncate, "an event", event, 0},
        {SYS_fsync, "an event", event},
    });
    for (int fd = 3; fd < 12; ++fd) close(fd);
}

void waiting() {
    scenario(SYS_read, "an empty pipe waits for a byte, and gives what there is", [] {
        const Pipe ends;
        Caller reader([&] { return read(ends.reader, buffer, 100); });
        reader.waits();
        needs(write(ends.writer, "abc", 3));
        answers("then", reader.join());
    });
    scenario(SYS_read, "an empty pipe ends when the last writer goes", [] {
        Pipe ends;
        const int second = dup(ends.writer);
        Caller reader([&] { return read(ends.reader, buffer, 100); });
        reader.waits();
        close(ends.writer);
        rest_ms(20);
        holds("a second writer is left", !reader.is_back());
        close(second);
        answers("then", reader.join());
        answers("again", read(ends.reader, buffer, 100));
        ends.writer = -1;
    });
    scenario(SYS_read, "an empty pipe and a signal", [] {
        const Pipe ends;
        interrupted([&] { return read(ends.reader, buffer, 100); }, [&] { needs(write(ends.writer, "abc", 3)); });
    });
    scenario(SYS_write, "a full pipe waits for room", [] {
        const Pipe ends;
        ends.fill();
        Caller writer([&] { return write(ends.writer, "abc", 3); });
        writer.waits();
        needs(read(ends.reader, buffer, atomic_bytes));
        answers("then", writer.join());
    });
    scenario(SYS_write, "a full pipe and a signal", [] {
        const Pipe ends;
        ends.fill();
        interrupted([&] { return write(ends.writer, "abc", 3); },
                    [&] { needs(read(ends.reader, buffer, atomic_bytes)); });
    });
    scenario(SYS_write, "a long write that a signal interrupts has written a part", [] {
        const Pipe ends;
        static char large[200'000];
        Handler handler(SIGUSR1);
        Caller writer([&] { return write(ends.writer, large, sizeof large); });
        writer.waits();
        writer.signal(SIGUSR1);
        answers("written", writer.join());
        int there = 0;
        ioctl(ends.reader, FIONREAD, &there);
        is("there", there);
    });
    scenario(SYS_write, "a long write goes on until all is read", [] {
        const Pipe ends;
        static char large[200'000], copy[200'000];
        for (std::size_t i = 0; i < sizeof large; ++i) large[i] = static_cast<char>(i * 7 >> 3);
        Caller writer([&] { return write(ends.writer, large, sizeof large); });
        writer.waits();
        std::size_t got = 0;
        while (got < sizeof copy) {
            const ssize_t size = read(ends.reader, copy + got, 3000);
            if (size <= 0) break;
            got += static_cast<std::size_t>(size);
        }
        answers("written", writer.join());
        is("the same", std::memcmp(large, copy, sizeof large));
    });
    scenario(SYS_write, "without a reader: EPIPE and SIGPIPE", [] {
        Handler handler(SIGPIPE);
        Pipe ends;
        close(ends.reader);
        answers("write", write(ends.writer, "x", 1));
        is("signals", handled);
        answers("write nothing", write(ends.writer, "x", 0));
        is("signals", handled);
        ends.reader = -1;
    });
    scenario(SYS_write, "a waiting writer hears that the reader goes", [] {
        Handler handler(SIGPIPE);
        Pipe ends;
        ends.fill();
        Caller writer([&] { return write(ends.writer, "abc", 3); });
        writer.waits();
        close(ends.reader);
        answers("then", writer.join());
        is("signals", handled);
        ends.reader = -1;
    });
}

void amounts() {
    scenario(SYS_write, "up to PIPE_BUF is whole or not at all", [] {
        const Pipe ends(O_NONBLOCK);
        needs(fcntl(ends.writer, F_SETPIPE_SZ, 2 * static_cast<int>(atomic_bytes)));
        answers("one page and a byte", write(ends.writer, buffer, atomic_bytes + 1));
        answers("a page into less room", write(ends.writer, buffer, atomic_bytes));
        answers("full", write(ends.writer, buffer, 1));
        int there = 0;
        ioctl(ends.reader, FIONREAD, &there);
        is("there", there);
    });
    scenario(SYS_fcntl, "F_SETPIPE_SZ cannot be less than what is there", [] {
        const Pipe ends(O_NONBLOCK);
        needs(write(ends.writer, buffer, 3 * atomic_bytes));
        answers("one page", fcntl(ends.writer, F_SETPIPE_SZ, atomic_bytes));
        answers("four pages", fcntl(ends.writer, F_SETPIPE_SZ, 4 * atomic_bytes));
        answers("still there", read(ends.reader, buffer, sizeof buffer));
    });
    scenario(SYS_writev, "parts of a pipe are one write", [] {
        const Pipe ends(O_NONBLOCK);
        char text[16] = {};
        const iovec parts[] = {{const_cast<char*>("ab"), 2}, {const_cast<char*>("cde"), 3}};
        answers("written", writev(ends.writer, parts, 2));
        answers("read", read(ends.reader, text, 4));
        is("first", text);
        char one[2] = {}, rest[8] = {};
        const iovec into[] = {{one, 1}, {rest, 7}};
        answers("the rest", readv(ends.reader, into, 2));
        is("first", one);
        answers("empty", readv(ends.reader, into, 2));
    });
    scenario(SYS_eventfd2, "a read waits for a count, a write for room", [] {
        const int event = static_cast<int>(needs(eventfd(0, 0)));
        unsigned long long value = 3;
        Caller reader([=] {
            unsigned long long got = 0;
            read(event, &got, 8);
            return static_cast<long>(got);
        });
        reader.waits();
        needs(write(event, &value, 8));
        answers("count", reader.join());
        value = ~0ull - 1;
        needs(write(event, &value, 8));
        Caller writer([=] {
            const unsigned long long two = 2;
            return write(event, &two, 8);
        });
        writer.waits();
        needs(read(event, &value, 8));
        answers("written", writer.join());
        needs(read(event, &value, 8));
        is("left", static_cast<long long>(value));
        close(event);
    });
    scenario(SYS_eventfd2, "EFD_SEMAPHORE gives one at a time", [] {
        const int event = static_cast<int>(needs(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK)));
        unsigned long long value = 0;
        for (int i = 0; i < 3; ++i) {
            answers("read", read(event, &value, 8));
            is("value", static_cast<long long>(value));
        }
        close(event);
    });
    scenario(SYS_eventfd2, "a signal while it is read", [] {
        const int event = static_cast<int>(needs(eventfd(0, 0)));
        interrupted(
            [=] {
                unsigned long long value;
                return read(event, &value, 8);
            },
            [=] { eventfd_write(event, 1); });
        close(event);
    });
}

}  // namespace

int main() {
    wrong_arguments();
    waiting();
    amounts();
}
