// SPDX-License-Identifier: Apache-2.0
#include "launcher/trace/tracer.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>

#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

using namespace husk;

namespace {

enum Number : std::uint16_t {
#define HUSK_SYSCALL(number, name, handler) number_of_##name = number,
#include <husk/abi/linux_calls.def>
};

// A record as a guest writes it.
class Written {
public:
    Written(abi::TraceKind kind, std::uint16_t number, std::uint32_t tid, std::uint64_t time_us,
            std::initializer_list<std::uint64_t> values) {
        header_.kind = kind;
        header_.number = number;
        header_.tid = tid;
        header_.time_ns = time_us * 1000;
        std::copy(values.begin(), values.end(), header_.values);
    }
    Written& piece(unsigned argument, std::string_view bytes, bool is_cut = false, unsigned part = 0) {
        const abi::TracePiece piece{static_cast<std::uint8_t>(argument), static_cast<std::uint8_t>(part),
                                    static_cast<std::uint16_t>(bytes.size()), is_cut ? 1u : 0u};
        pieces_.append(reinterpret_cast<const char*>(&piece), sizeof piece).append(bytes);
        pieces_.resize((pieces_.size() + 7) / 8 * 8);
        ++header_.piece_count;
        return *this;
    }
    [[nodiscard]] std::string bytes() const {
        abi::TraceRecord header = header_;
        header.size_bytes = static_cast<std::uint32_t>(sizeof header + pieces_.size());
        return std::string(reinterpret_cast<const char*>(&header), sizeof header) + pieces_;
    }

private:
    abi::TraceRecord header_{};
    std::string pieces_;
};

Written entry(std::uint16_t number, std::initializer_list<std::uint64_t> values, std::uint32_t tid = 1,
              std::uint64_t time_us = 1000) {
    return {abi::TraceKind::entry, number, tid, time_us, values};
}
Written exit_of(std::uint16_t number, std::int64_t result, std::uint32_t tid = 1, std::uint64_t time_us = 1042) {
    return {abi::TraceKind::exit, number, tid, time_us, {static_cast<std::uint64_t>(result)}};
}

struct Fixture {
    std::string text;
    trace::Tracer tracer{[this](std::string_view lines) { text += lines; }};

    void take(const std::string& bytes) { tracer.take(std::as_bytes(std::span(bytes))); }
    std::string of(const Written& begin, const Written& end) {
        take(begin.bytes() + end.bytes());
        return std::exchange(text, {});
    }
};

template <class T>
std::string bytes_of(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a call that ends is one line with thread, time, arguments, result and duration") {
    CHECK(of(entry(number_of_openat, {static_cast<std::uint64_t>(AT_FDCWD), 0x1000, O_RDONLY | O_CLOEXEC, 0})
                 .piece(1, "/etc/hosts"),
             exit_of(number_of_openat, 3)) ==
          "1     0.001000 openat(AT_FDCWD, \"/etc/hosts\", O_RDONLY|O_CLOEXEC) = 3 <0.000042>\n");
    CHECK(
        of(entry(number_of_openat, {static_cast<std::uint64_t>(AT_FDCWD), 0x1000, O_WRONLY | O_CREAT, 0644})
               .piece(1, "x"),
           exit_of(number_of_openat, -13)) ==
        "1     0.001000 openat(AT_FDCWD, \"x\", O_WRONLY|O_CREAT, 0644) = -1 EACCES (Permission denied) <0.000042>\n");
    CHECK(of(entry(number_of_read, {3, 0x2000, 100}), exit_of(number_of_read, 3).piece(1, "a\n\0")) ==
          "1     0.001000 read(3, \"a\\n\", 100) = 3 <0.000042>\n");
}

TEST_CASE_FIXTURE(Fixture, "bytes are escaped and cut, and a pointer that leads nowhere stays a number") {
    CHECK(of(entry(number_of_write, {1, 0x2000, 9})
                 .piece(1,
                        std::string_view("\x1b[31m\0"
                                         "1\"",
                                         8),
                        true),
             exit_of(number_of_write, 9)) == "1     0.001000 write(1, \"\\33[31m\\0001\\\"\"..., 9) = 9 <0.000042>\n");
    CHECK(of(entry(number_of_write, {1, 0x10, 9}), exit_of(number_of_write, -14)) ==
          "1     0.001000 write(1, 0x10, 9) = -1 EFAULT (Bad address) <0.000042>\n");
    CHECK(of(entry(number_of_read, {0, 0x10, 9}), exit_of(number_of_read, -512)) ==
          "1     0.001000 read(0, 0x10, 9) = ? ERESTARTSYS (To be restarted if SA_RESTART is set) <0.000042>\n");
}

TEST_CASE_FIXTURE(Fixture, "structs are shown by field") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(8080);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(of(entry(number_of_bind, {4, 0x1, sizeof address}).piece(1, bytes_of(address)), exit_of(number_of_bind, 0)) ==
          "1     0.001000 bind(4, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = "
          "0 <0.000042>\n");
    const timespec time{1, 500};
    CHECK(of(entry(number_of_clock_nanosleep, {CLOCK_MONOTONIC, TIMER_ABSTIME, 0x1, 0}).piece(2, bytes_of(time)),
             exit_of(number_of_clock_nanosleep, 0)) ==
          "1     0.001000 clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, {tv_sec=1, tv_nsec=500}, NULL) = 0 "
          "<0.000042>\n");
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = 7;
    CHECK(of(entry(number_of_epoll_wait, {5, 0x1, 8, 0xffffffff}),
             exit_of(number_of_epoll_wait, 1).piece(1, bytes_of(event))) ==
          "1     0.001000 epoll_wait(5, [{events=EPOLLIN|EPOLLET, data=0x7}], 8, -1) = 1 <0.000042>\n");
    const pollfd poll{3, POLLIN, POLLIN};
    CHECK(of(entry(number_of_poll, {0x1, 1, 100}).piece(0, bytes_of(poll)),
             exit_of(number_of_poll, 1).piece(0, bytes_of(poll))) ==
          "1     0.001000 poll([{fd=3, events=POLLIN}], 1, 100) = 1 ([{fd=3, revents=POLLIN}]) <0.000042>\n");
    const std::uint64_t vector[] = {0x100, 5, 0x200, 2};
    CHECK(
        of(entry(number_of_writev, {1, 0x1, 2}).piece(1, bytes_of(vector)).piece(1, "hello", false, 1),
           exit_of(number_of_writev, 7)) ==
        "1     0.001000 writev(1, [{iov_base=\"hello\", iov_len=5}, {iov_base=0x200, iov_len=2}], 2) = 7 <0.000042>\n");
    CHECK(of(entry(number_of_exit_group, {3}), exit_of(number_of_getpid, 1)) == "1     0.001000 exit_group(3) = ?\n");
    CHECK(of(entry(number_of_mmap, {0, 4096, 3, 0x22, 0xffffffff, 0}), exit_of(number_of_mmap, 0x7f00)) ==
          "1     0.001000 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f00 "
          "<0.000042>\n");
    CHECK(of(entry(number_of_futex, {0x100, 0x80, 2, 0}), exit_of(number_of_futex, -11)) ==
          "1     0.001000 futex(0x100, FUTEX_WAIT_PRIVATE, 2, NULL) = -1 EAGAIN (Resource temporarily unavailable) "
          "<0.000042>\n");
}

TEST_CASE_FIXTURE(Fixture, "a call during which another thread calls is shown twice, as unfinished and as resumed") {
    take(entry(number_of_read, {0, 0x1, 9}, 1, 100).bytes() + entry(number_of_getpid, {}, 2, 200).bytes());
    CHECK(text == "1     0.000100 read(0,  <unfinished ...>\n");
    take(exit_of(number_of_getpid, 1, 2, 201).bytes() + exit_of(number_of_read, 2, 1, 300).piece(1, "ab").bytes());
    CHECK(text ==
          "1     0.000100 read(0,  <unfinished ...>\n"
          "2     0.000200 getpid() = 1 <0.000001>\n"
          "1     0.000300 <... read resumed>\"ab\", 9) = 2 <0.000200>\n");
}

TEST_CASE_FIXTURE(Fixture, "a call that waits for a period is shown before it ends") {
    take(entry(number_of_pause, {}).bytes());
    tracer.on_period();
    CHECK(text.empty());
    tracer.on_period();
    CHECK(text == "1     0.001000 pause( <unfinished ...>\n");
    tracer.finish(0, 9);
    CHECK(
        text ==
        "1     0.001000 pause( <unfinished ...>\n1     0.001000 <... pause resumed>) = ?\n+++ killed by SIGKILL +++\n");
}

TEST_CASE_FIXTURE(Fixture, "what never ended is shown at the end of the VM, and how that came") {
    take(entry(number_of_read, {0, 0x1, 9}, 7).bytes());
    tracer.finish(3, 0);
    CHECK(text == "7     0.001000 read(0,  <unfinished ...>) = ?\n+++ exited with 3 +++\n");
}

TEST_CASE_FIXTURE(Fixture, "a signal stands where it came") {
    take(Written(abi::TraceKind::signal, 11, 1, 5, {1, 0x0}).bytes());
    CHECK(text == "1     0.000005 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x0} ---\n");
}

TEST_CASE_FIXTURE(Fixture, "a stream may be cut anywhere, and nonsense ends it with one line") {
    const std::string bytes =
        entry(number_of_chdir, {1}).piece(0, "/tmp").bytes() + exit_of(number_of_chdir, 0).bytes();
    for (const char byte : bytes) take(std::string(1, byte));
    CHECK(text == "1     0.001000 chdir(\"/tmp\") = 0 <0.000042>\n");
    text.clear();
    take(std::string(200, '\xff'));
    take(bytes);
    CHECK(text == "husk: the guest's trace is damaged, and ends here\n");
}

TEST_CASE_FIXTURE(Fixture, "pieces that reach beyond their record are refused") {
    std::string bytes = entry(number_of_chdir, {1}).piece(0, "/tmp").bytes();
    bytes[sizeof(abi::TraceRecord) + 2] = '\x7f';  // the piece's size
    take(bytes);
    CHECK(text == "husk: the guest's trace is damaged, and ends here\n");
}
