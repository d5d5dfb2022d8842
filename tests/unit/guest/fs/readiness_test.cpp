// SPDX-License-Identifier: Apache-2.0
// epoll, poll, select, eventfd and timerfd.
#include "guest-runtime/fs/epoll.hpp"

#include <doctest/doctest.h>

#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/syscall/descriptor_calls.hpp"
#include "guest-runtime/syscall/epoll_calls.hpp"
#include "guest-runtime/syscall/event_calls.hpp"
#include "guest-runtime/syscall/io_calls.hpp"
#include "guest-runtime/syscall/poll_calls.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/unit/guest/fs/calls.hpp"

using namespace husk;
using namespace husk::test;

namespace {

namespace flag = fs::open_flag;
using fs::EpollEvent;
using fs::poll_bit::in;
using fs::poll_bit::out;
constexpr int add = 1, drop = 2, modify = 3;

int event_fd(unsigned initial = 0, std::uint32_t flags = flag::non_block) {
    return static_cast<int>(call(sys::sys_eventfd2, initial, flags));
}
void signal_event(int fd) {
    std::uint64_t one = 1;
    REQUIRE(call(sys::sys_write, fd, &one, 8) == 8);
}
std::uint64_t drain_event(int fd) {
    std::uint64_t value = 0;
    return call(sys::sys_read, fd, &value, 8) == 8 ? value : 0;
}

struct EpollFd {
    int fd = static_cast<int>(call(sys::sys_epoll_create1, 0));
    ~EpollFd() { call(sys::sys_close, fd); }
    long control(int operation, int target, std::uint32_t events, std::uint64_t data = 0) const {
        EpollEvent event = {events, data};
        return call(sys::sys_epoll_ctl, fd, operation, target, &event);
    }
    // The data of those that are ready now.
    [[nodiscard]] std::vector<std::uint64_t> ready(int most = 8, int timeout_ms = 0) const {
        EpollEvent events[8];
        long count = call(sys::sys_epoll_wait, fd, events, most, timeout_ms);
        REQUIRE(count >= 0);
        std::vector<std::uint64_t> data;
        for (long i = 0; i < count; ++i) data.push_back(std::uint64_t{events[i].data});
        return data;
    }
};
using Data = std::vector<std::uint64_t>;

int late_fd = -1;

// Always ready. Another thread closes it once a call has it in hand.
class ClosesInBetween final : public fs::File {
public:
    explicit ClosesInBetween(RefPtr<fs::Inode> inode) : File(fs::FileKind::event, std::move(inode), 0) {}
    thread::WaitQueue* wait_queue() override {
        if (int fd = std::exchange(closes, -1); fd >= 0) close_file(fd);
        return &queue_;
    }
    int closes = -1;

private:
    thread::WaitQueue queue_;
};

}  // namespace

TEST_CASE("level-triggered watches report as long as it holds, edge-triggered ones once for each event") {
    EpollFd epoll;
    int level = event_fd(), edge = event_fd();
    REQUIRE(epoll.control(add, level, in, 1) == 0);
    REQUIRE(epoll.control(add, edge, in | fs::epoll_bit::edge, 2) == 0);
    CHECK(epoll.ready().empty());
    signal_event(level);
    signal_event(edge);
    CHECK(epoll.ready() == Data{1, 2});
    CHECK(epoll.ready() == Data{1});
    signal_event(edge);
    CHECK(epoll.ready() == Data{1, 2});
    drain_event(level);
    CHECK(epoll.ready().empty());
    close_file(level);
    close_file(edge);
}

TEST_CASE("what holds already is reported when it is added or changed") {
    EpollFd epoll;
    int fd = event_fd(1);
    REQUIRE(epoll.control(add, fd, in | fs::epoll_bit::edge, 1) == 0);
    CHECK(epoll.ready() == Data{1});
    CHECK(epoll.ready().empty());
    REQUIRE(epoll.control(modify, fd, in | fs::epoll_bit::edge, 2) == 0);
    CHECK(epoll.ready() == Data{2});
    REQUIRE(epoll.control(modify, fd, 0, 3) == 0);
    CHECK(epoll.ready().empty());
    close_file(fd);
}

TEST_CASE("a one-shot watch rests until it is set anew") {
    EpollFd epoll;
    int fd = event_fd(1);
    REQUIRE(epoll.control(add, fd, in | fs::epoll_bit::one_shot, 1) == 0);
    CHECK(epoll.ready() == Data{1});
    signal_event(fd);
    CHECK(epoll.ready().empty());
    REQUIRE(epoll.control(modify, fd, in | fs::epoll_bit::one_shot, 2) == 0);
    CHECK(epoll.ready() == Data{2});
    close_file(fd);
}

TEST_CASE("a watch without wishes still hears of the other end's going") {
    EpollFd epoll;
    std::int32_t fds[2];
    REQUIRE(call(sys::sys_pipe, fds) == 0);
    REQUIRE(epoll.control(add, fds[0], 0, 7) == 0);
    CHECK(epoll.ready().empty());
    close_file(fds[1]);
    CHECK(epoll.ready() == Data{7});
    close_file(fds[0]);
}

TEST_CASE("ready watches take turns when there are more than fit") {
    EpollFd epoll;
    int fds[4];
    for (int i = 0; i < 4; ++i) {
        fds[i] = event_fd(1);
        REQUIRE(epoll.control(add, fds[i], in, static_cast<unsigned>(i)) == 0);
    }
    CHECK(epoll.ready(3) == Data{0, 1, 2});
    CHECK(epoll.ready(3) == Data{3, 0, 1});
    for (int fd : fds) close_file(fd);
}

TEST_CASE("closing the last descriptor ends a watch, a duplicate keeps it") {
    EpollFd epoll;
    int fd = event_fd(1);
    REQUIRE(epoll.control(add, fd, in, 1) == 0);
    auto other = static_cast<int>(call(sys::sys_dup, fd));
    close_file(fd);
    CHECK(epoll.ready() == Data{1});
    CHECK(epoll.control(drop, other, 0) == fails(Errno::enoent));
    close_file(other);
    CHECK(epoll.ready().empty());
}

TEST_CASE("a file whose last descriptor closes while it is being added is not watched") {
    auto file = fs::make_ref_as<fs::File, ClosesInBetween>(fs::make_anonymous_inode("[test]").value());
    auto& closing = static_cast<ClosesInBetween&>(*file.value());
    int fd = fs::descriptors().add(std::move(file).value(), false).value();
    EpollFd epoll;
    closing.closes = fd;
    CHECK(epoll.control(add, fd, in) == fails(Errno::ebadf));
    CHECK(epoll.ready().empty());
}

TEST_CASE("epoll_ctl names what is wrong") {
    boot_files();
    EpollFd epoll;
    int fd = event_fd();
    int file = open_file("/etc/passwd", flag::read_only);
    CHECK(epoll.control(add, file, in) == fails(Errno::eperm));
    CHECK(epoll.control(add, 999, in) == fails(Errno::ebadf));
    CHECK(epoll.control(add, epoll.fd, in) == fails(Errno::einval));
    CHECK(epoll.control(modify, fd, in) == fails(Errno::enoent));
    CHECK(epoll.control(drop, fd, in) == fails(Errno::enoent));
    CHECK(epoll.control(add, fd, in) == 0);
    CHECK(epoll.control(add, fd, in) == fails(Errno::eexist));
    CHECK(epoll.control(9, fd, in) == fails(Errno::einval));
    EpollEvent event = {in, 0};
    CHECK(call(sys::sys_epoll_ctl, fd, add, fd, &event) == fails(Errno::einval));
    CHECK(call(sys::sys_epoll_wait, epoll.fd, &event, 0, 0) == fails(Errno::einval));
    CHECK(call(sys::sys_epoll_create, 0) == fails(Errno::einval));
    close_file(fd);
    close_file(file);
}

TEST_CASE("an epoll instance can watch another, but not in a circle") {
    EpollFd outer, inner;
    int fd = event_fd();
    REQUIRE(inner.control(add, fd, in, 1) == 0);
    REQUIRE(outer.control(add, inner.fd, in, 2) == 0);
    CHECK(inner.control(add, outer.fd, in) == fails(Errno::eloop));
    CHECK(outer.ready().empty());
    signal_event(fd);
    CHECK(outer.ready() == Data{2});
    CHECK(inner.ready() == Data{1});
    drain_event(fd);
    CHECK(outer.ready().empty());
    close_file(fd);
}

TEST_CASE("a thousand watches survive growth, removal and closing") {
    EpollFd epoll;
    std::vector<int> fds;
    for (unsigned i = 0; i < 900; ++i) {
        fds.push_back(event_fd());
        REQUIRE(fds.back() >= 0);
        REQUIRE(epoll.control(add, fds.back(), in, i) == 0);
    }
    for (std::size_t i = 0; i < fds.size(); i += 3) REQUIRE(epoll.control(drop, fds[i], 0) == 0);
    for (int fd : fds) signal_event(fd);
    std::size_t seen = 0;
    for (std::size_t i = 0; i < fds.size(); ++i) {
        if (i % 3 == 0) continue;
        auto data = epoll.ready(1);
        REQUIRE(data.size() == 1);
        drain_event(fds[data[0]]);
        ++seen;
    }
    CHECK(seen == 600);
    CHECK(epoll.ready().empty());
    for (int fd : fds) close_file(fd);
}

TEST_CASE("epoll_wait sleeps until an event, its timeout or a signal") {
    EpollFd epoll;
    late_fd = event_fd();
    REQUIRE(epoll.control(add, late_fd, in, 5) == 0);
    CHECK(epoll.ready(8, 20).empty());
    on_next_sleep([] { signal_event(late_fd); });
    CHECK(epoll.ready(8, -1) == Data{5});
    drain_event(late_fd);
    interrupt_next_sleep();
    EpollEvent event;
    CHECK(call(sys::sys_epoll_wait, epoll.fd, &event, 1, -1) == fails(Errno::eintr));
    close_file(late_fd);
}

TEST_CASE("poll of an epoll instance wakes who looked at it meanwhile and saw nothing") {
    static EpollFd epoll;
    late_fd = event_fd();
    REQUIRE(epoll.control(add, late_fd, in, 5) == 0);
    on_next_sleep([] {
        signal_event(late_fd);
        thread::prepare_to_park();  // it was woken, looked while poll() had the watch in hand, and sleeps again
        struct PollFd {
            std::int32_t fd;
            std::uint16_t events, revents;
        } one = {epoll.fd, in, 0};
        CHECK(call(sys::sys_poll, &one, 1, 0) == 1);
    });
    CHECK(epoll.ready(8, -1) == Data{5});
    close_file(late_fd);
}

TEST_CASE("an event counter adds up, blocks at its ends and counts down as a semaphore") {
    int fd = event_fd(3);
    signal_event(fd);
    CHECK(drain_event(fd) == 4);
    std::uint64_t value = 0;
    CHECK(call(sys::sys_read, fd, &value, 8) == fails(Errno::eagain));
    CHECK(call(sys::sys_read, fd, &value, 4) == fails(Errno::einval));
    value = UINT64_MAX;
    CHECK(call(sys::sys_write, fd, &value, 8) == fails(Errno::einval));
    value = UINT64_MAX - 1;
    CHECK(call(sys::sys_write, fd, &value, 8) == 8);
    CHECK(call(sys::sys_write, fd, &value, 8) == fails(Errno::eagain));
    close_file(fd);
    constexpr std::uint32_t semaphore = 1;
    fd = event_fd(2, semaphore | flag::non_block);
    CHECK(drain_event(fd) == 1);
    CHECK(drain_event(fd) == 1);
    CHECK(drain_event(fd) == 0);
    close_file(fd);
}

TEST_CASE("a timer descriptor counts its expirations") {
    constexpr int monotonic = 1, absolute = 1;
    auto fd = static_cast<int>(call(sys::sys_timerfd_create, monotonic, flag::non_block));
    REQUIRE(fd >= 0);
    std::int64_t spec[4] = {0, 10'000'000, 0, 5'000'000};
    REQUIRE(call(sys::sys_timerfd_settime, fd, 0, spec, nullptr) == 0);
    CHECK(drain_event(fd) == 0);
    advance_clock_ns(4'000'000);
    std::int64_t left[4];
    REQUIRE(call(sys::sys_timerfd_gettime, fd, left) == 0);
    CHECK(left[3] == 1'000'000);
    advance_clock_ns(1'000'000);
    CHECK(drain_event(fd) == 1);
    advance_clock_ns(35'000'000);
    CHECK(drain_event(fd) == 3);
    EpollFd epoll;
    REQUIRE(epoll.control(add, fd, in | fs::epoll_bit::edge, 1) == 0);
    CHECK(epoll.ready(8, 100) == Data{1});
    CHECK(epoll.ready(8, 100) == Data{1});
    std::int64_t once[4] = {0, 0, 0, 1};
    REQUIRE(call(sys::sys_timerfd_settime, fd, absolute, once, left) == 0);
    CHECK(left[1] == 10'000'000);
    advance_clock_ns(0);
    CHECK(drain_event(fd) == 1);
    std::int64_t off[4] = {0, 0, 0, 0};
    REQUIRE(call(sys::sys_timerfd_settime, fd, 0, off, nullptr) == 0);
    advance_clock_ns(1'000'000'000);
    CHECK(drain_event(fd) == 0);
    off[3] = 1'000'000'000;
    CHECK(call(sys::sys_timerfd_settime, fd, 0, off, nullptr) == fails(Errno::einval));
    close_file(fd);
}

TEST_CASE("poll reports each descriptor and waits for any") {
    boot_files();
    struct PollFd {
        std::int32_t fd;
        std::uint16_t events, revents;
    };
    late_fd = event_fd();
    int ready = event_fd(1);
    PollFd fds[] = {{late_fd, in, 9}, {ready, in | out, 9}, {999, in, 9}, {-1, in, 9}};
    CHECK(call(sys::sys_poll, fds, 4, -1) == 2);
    CHECK(fds[0].revents == 0);
    CHECK(fds[1].revents == (in | out));
    CHECK(fds[2].revents == fs::poll_bit::invalid);
    CHECK(fds[3].revents == 0);
    CHECK(call(sys::sys_poll, fds, 1, 0) == 0);
    CHECK(call(sys::sys_poll, fds, 1, 30) == 0);
    on_next_sleep([] { signal_event(late_fd); });
    CHECK(call(sys::sys_poll, fds, 1, -1) == 1);
    drain_event(late_fd);
    interrupt_next_sleep();
    CHECK(call(sys::sys_poll, fds, 1, -1) == fails(Errno::erestartblock));
    CHECK(call(sys::sys_poll, fds, 100'000, 0) == fails(Errno::einval));
    close_file(late_fd);
    close_file(ready);
}

TEST_CASE("select fills its sets and what is left of its time") {
    int ready = event_fd(1), silent = event_fd();
    std::uint64_t read_set[16] = {}, write_set[16] = {};
    read_set[ready / 64] |= 1ull << (ready % 64);
    read_set[silent / 64] |= 1ull << (silent % 64);
    write_set[silent / 64] |= 1ull << (silent % 64);
    int count = std::max(ready, silent) + 1;
    CHECK(call(sys::sys_select, count, read_set, write_set, nullptr, nullptr) == 2);
    CHECK(read_set[ready / 64] == 1ull << (ready % 64));
    CHECK(write_set[silent / 64] == 1ull << (silent % 64));
    read_set[ready / 64] = 1ull << (silent % 64);
    std::int64_t timeout[2] = {0, 5000};
    CHECK(call(sys::sys_select, count, read_set, nullptr, nullptr, timeout) == 0);
    CHECK(timeout[1] == 0);
    CHECK(read_set[silent / 64] == 0);
    read_set[silent / 64] = 1ull << (silent % 64);
    close_file(silent);
    CHECK(call(sys::sys_select, count, read_set, nullptr, nullptr, timeout) == fails(Errno::ebadf));
    close_file(ready);
}
