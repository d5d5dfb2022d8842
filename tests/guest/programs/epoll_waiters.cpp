// SPDX-License-Identifier: Apache-2.0
// Several threads and several epoll instances that wait for one event: as long as it holds, nobody sleeps on.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "tests/guest/check.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

struct Event {
    int fd = eventfd(0, EFD_NONBLOCK);
    ~Event() { close(fd); }
    void signal() const { check_equal(eventfd_write(fd, 1), 0); }
    [[nodiscard]] bool take() const {
        eventfd_t value = 0;
        return eventfd_read(fd, &value) == 0;
    }
    // A lost wake-up is a failure, not a hang.
    void until_taken() const {
        const auto end = std::chrono::steady_clock::now() + 10s;
        pollfd one{fd, POLLIN, 0};
        while (poll(&one, 1, 0) != 0) {
            check(std::chrono::steady_clock::now() < end);
            std::this_thread::yield();
        }
    }
};

struct Epoll {
    int fd = epoll_create1(0);
    ~Epoll() { close(fd); }
    void add(int target, std::uint32_t events) const {
        epoll_event event{events, {}};
        check_equal(epoll_ctl(fd, EPOLL_CTL_ADD, target, &event), 0);
    }
    [[nodiscard]] int wait() const {
        epoll_event one;
        return epoll_wait(fd, &one, 1, -1);  // one that times out looks once more
    }
};

// Sleeps in its call by the time it is returned, unless the machine is very slow.
template <class Call>
std::future<int> asleep(Call call) {
    auto got = std::async(std::launch::async, call);
    (void)got.wait_for(30ms);
    return got;
}

int result_of(std::future<int> call) {
    check(call.wait_for(10s) == std::future_status::ready);
    return call.get();
}

void what_nobody_takes() {
    const Event event;
    const Epoll epoll;
    epoll.add(event.fd, EPOLLIN);
    auto first = asleep([&] { return epoll.wait(); }), second = asleep([&] { return epoll.wait(); });
    event.signal();
    check_equal(result_of(std::move(first)), 1);
    check_equal(result_of(std::move(second)), 1);
    passed("an event that nobody takes is told to all");
}

void again_while_one_is_busy() {
    const Event event;
    const Epoll epoll;
    epoll.add(event.fd, EPOLLIN);
    const auto wait_and_take = [&] {
        const int count = epoll.wait();
        (void)event.take();
        return count;
    };
    auto first = asleep(wait_and_take), second = asleep(wait_and_take);
    event.signal();
    event.until_taken();
    event.signal();
    check_equal(result_of(std::move(first)), 1);
    check_equal(result_of(std::move(second)), 1);
    passed("an event that comes again is told to the next");
}

void an_exclusive_one_without_threads() {
    const Event event;
    const Epoll idle, awaited;
    idle.add(event.fd, EPOLLIN | EPOLLEXCLUSIVE);
    awaited.add(event.fd, EPOLLIN | EPOLLEXCLUSIVE);
    auto waiter = asleep([&] { return awaited.wait(); });
    event.signal();
    check_equal(result_of(std::move(waiter)), 1);
    passed("EPOLLEXCLUSIVE passes over an instance where nobody waits");
}

// A wake-up for room must reach who waits for room, one for bytes who waits for bytes.
void exclusive_ones_for_different_things() {
    int pair[2];
    check_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    static char bytes[1 << 16];
    while (write(pair[0], bytes, sizeof bytes) > 0) {
    }
    const Epoll room, input;
    room.add(pair[0], EPOLLOUT | EPOLLEXCLUSIVE);
    input.add(pair[0], EPOLLIN | EPOLLEXCLUSIVE);
    auto writer = asleep([&] { return room.wait(); }), reader = asleep([&] { return input.wait(); });
    check_equal(write(pair[1], bytes, 1), 1);
    check_equal(result_of(std::move(reader)), 1);
    while (read(pair[1], bytes, sizeof bytes) > 0) {
    }
    check_equal(result_of(std::move(writer)), 1);
    close(pair[0]), close(pair[1]);
    passed("EPOLLEXCLUSIVE for room and for bytes");
}

}  // namespace

int main() {
    what_nobody_takes();
    again_while_one_is_busy();
    an_exclusive_one_without_threads();
    exclusive_ones_for_different_things();
}
