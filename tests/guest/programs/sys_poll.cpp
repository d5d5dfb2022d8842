// SPDX-License-Identifier: Apache-2.0
// poll, ppoll, select, pselect and epoll: level, edge, one-shot, nested, time-outs, signals.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <thread>

#include "tests/guest/check.hpp"

using namespace guest_test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

struct Pipe {
    int in = -1, out = -1;
    Pipe() {
        int ends[2];
        check_equal(pipe2(ends, O_NONBLOCK), 0);
        in = ends[0];
        out = ends[1];
    }
    Pipe(const Pipe&) = delete;
    ~Pipe() {
        close(in);
        close(out);
    }
    void put(char c = 'x') const { check_equal(write(out, &c, 1), 1); }
    void drain() const {
        char buffer[64];
        while (read(in, buffer, sizeof buffer) > 0) {
        }
    }
};

void polls() {
    const Pipe a, b;
    pollfd fds[] = {{a.in, POLLIN, 0}, {b.in, POLLIN, 0}, {a.out, POLLOUT, 0}, {-1, POLLIN, 0}};
    check_equal(poll(fds, 4, 0), 1);
    check_equal(fds[2].revents, POLLOUT);
    const auto begin = Clock::now();
    check_equal(poll(fds, 2, 20), 0);
    check(Clock::now() - begin >= 20ms);
    std::thread writer([&] {
        std::this_thread::sleep_for(10ms);
        b.put();
    });
    check_equal(poll(fds, 2, 5000), 1);
    check(fds[0].revents == 0 && fds[1].revents == POLLIN);
    writer.join();
    pollfd closed{999, POLLIN, 0};
    check_equal(poll(&closed, 1, 0), 1);
    check_equal(closed.revents, POLLNVAL);
    const timespec soon{0, 5'000'000};
    check_equal(ppoll(fds, 1, &soon, nullptr), 0);
    check_equal(poll(nullptr, 0, 5), 0);
}

void hang_up() {
    int ends[2];
    check_equal(pipe(ends), 0);
    close(ends[1]);
    pollfd in{ends[0], POLLIN, 0};
    check_equal(poll(&in, 1, 1000), 1);
    check_equal(in.revents, POLLHUP);
    close(ends[0]);
    check_equal(pipe(ends), 0);
    close(ends[0]);
    pollfd out{ends[1], POLLOUT, 0};
    check_equal(poll(&out, 1, 1000), 1);
    check((out.revents & POLLERR) != 0);
    close(ends[1]);
}

void selects() {
    const Pipe a;
    fd_set reading, writing;
    FD_ZERO(&reading);
    FD_ZERO(&writing);
    FD_SET(a.in, &reading);
    FD_SET(a.out, &writing);
    timeval soon{0, 10'000};
    const int highest = (a.in > a.out ? a.in : a.out) + 1;
    check_equal(select(highest, &reading, &writing, nullptr, &soon), 1);
    check(!FD_ISSET(a.in, &reading) && FD_ISSET(a.out, &writing));
    a.put();
    FD_SET(a.in, &reading);
    check_equal(select(highest, &reading, &writing, nullptr, nullptr), 2);
    const timespec wait{0, 5'000'000};
    a.drain();
    FD_ZERO(&reading);
    FD_SET(a.in, &reading);
    check_equal(pselect(highest, &reading, nullptr, nullptr, &wait, nullptr), 0);
}

int add(int epoll, int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

void level_edge_oneshot() {
    const Pipe level, edge, once;
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    check_equal(add(epoll, level.in, EPOLLIN), 0);
    check_equal(add(epoll, edge.in, EPOLLIN | EPOLLET), 0);
    check_equal(add(epoll, once.in, EPOLLIN | EPOLLONESHOT), 0);
    check_fails(add(epoll, once.in, EPOLLIN), EEXIST);
    check_fails(add(epoll, 999, EPOLLIN), EBADF);
    check_fails(add(epoll, epoll, EPOLLIN), EINVAL);
    epoll_event events[8]{};
    check_equal(epoll_wait(epoll, events, 8, 0), 0);
    for (const Pipe* pipe : {&level, &edge, &once}) pipe->put();
    check_equal(epoll_wait(epoll, events, 8, 1000), 3);
    check_equal(epoll_wait(epoll, events, 8, 1000), 1);
    check_equal(events[0].data.fd, level.in);
    edge.put();  // a new edge, though the old byte is still there
    once.put();
    check_equal(epoll_wait(epoll, events, 8, 1000), 2);
    level.drain();
    check_equal(epoll_wait(epoll, events, 8, 10), 0);
    epoll_event again{};
    again.events = EPOLLIN | EPOLLONESHOT;
    again.data.u64 = 0x1234'5678'9abc'def0;
    check_equal(epoll_ctl(epoll, EPOLL_CTL_MOD, once.in, &again), 0);
    check_equal(epoll_wait(epoll, events, 8, 1000), 1);
    check_equal(events[0].data.u64, again.data.u64);
    check_equal(epoll_ctl(epoll, EPOLL_CTL_DEL, edge.in, nullptr), 0);
    check_fails(epoll_ctl(epoll, EPOLL_CTL_DEL, edge.in, nullptr), ENOENT);
    check_fails(epoll_wait(epoll, events, 0, 0), EINVAL);
    close(epoll);
}

void nested_and_woken() {
    const Pipe a;
    const int inner = epoll_create1(0), outer = epoll_create1(0), event = eventfd(0, EFD_NONBLOCK);
    check_equal(add(inner, a.in, EPOLLIN), 0);
    check_equal(add(outer, inner, EPOLLIN), 0);
    check_equal(add(outer, event, EPOLLIN), 0);
    epoll_event events[4]{};
    check_equal(epoll_wait(outer, events, 4, 5), 0);
    std::thread writer([&] {
        std::this_thread::sleep_for(10ms);
        a.put();
    });
    check_equal(epoll_wait(outer, events, 4, 5000), 1);
    check_equal(events[0].data.fd, inner);
    writer.join();
    a.drain();
    std::thread waker([&] {
        std::this_thread::sleep_for(10ms);
        const std::uint64_t one = 1;
        check_equal(write(event, &one, 8), 8);
    });
    check_equal(epoll_wait(outer, events, 4, -1), 1);
    check_equal(events[0].data.fd, event);
    waker.join();
    pollfd fd{outer, POLLIN, 0};
    check_equal(poll(&fd, 1, 0), 1);
    close(event);  // a closed descriptor leaves every set
    check_equal(epoll_wait(outer, events, 4, 5), 0);
    close(inner);
    close(outer);
}

void many() {
    const int epoll = epoll_create1(0);
    int fds[200];
    for (int& fd : fds) {
        fd = eventfd(0, EFD_NONBLOCK);
        check(fd >= 0);
        check_equal(add(epoll, fd, EPOLLIN), 0);
    }
    const std::uint64_t one = 1;
    for (int i = 0; i < 200; i += 2) check_equal(write(fds[i], &one, 8), 8);
    epoll_event events[256]{};
    check_equal(epoll_wait(epoll, events, 256, 0), 100);
    int seen = 0;
    for (int round = 0; round < 10; ++round) seen += epoll_wait(epoll, events, 10, 0);
    check_equal(seen, 100);
    for (const int fd : fds) close(fd);
    close(epoll);
}

void interrupted() {
    signal(SIGALRM, [](int) {});
    const int epoll = epoll_create1(0);
    epoll_event event{};
    for (int call = 0; call < 2; ++call) {
        const itimerval once{{0, 0}, {0, 10'000}};
        setitimer(ITIMER_REAL, &once, nullptr);
        if (call == 0) {
            check_fails(epoll_wait(epoll, &event, 1, 5000), EINTR);
        } else {
            check_fails(poll(nullptr, 0, 5000), EINTR);
        }
    }
    // The mask of epoll_pwait lets in what is blocked outside.
    sigset_t alarms, none;
    sigemptyset(&none);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarms, nullptr);
    raise(SIGALRM);
    check_equal(epoll_wait(epoll, &event, 1, 1), 0);
    check_fails(epoll_pwait(epoll, &event, 1, 5000, &none), EINTR);
    close(epoll);
}

}  // namespace

int main() {
    polls();
    passed("poll");
    hang_up();
    passed("hang-up");
    selects();
    passed("select");
    level_edge_oneshot();
    passed("epoll: level, edge, one-shot");
    nested_and_woken();
    passed("epoll: nested, woken");
    many();
    passed("epoll: many");
    interrupted();
    passed("interrupted waits");
}
