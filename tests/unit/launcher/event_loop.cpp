// SPDX-License-Identifier: Apache-2.0
#include "launcher/event/event_loop.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <thread>

using namespace husk;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 10s;

struct Pipe {
    Pipe() { REQUIRE(::pipe(ends) == 0); }
    ~Pipe() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    int ends[2]{};
};

}  // namespace

TEST_CASE("a watch calls back once, when the file is ready, and leaves its flags alone") {
    const Pipe pipe;
    event::EventLoop loop;
    std::promise<void> ready;
    loop.watch(pipe.ends[0], POLLIN, [&] { ready.set_value(); });
    auto future = ready.get_future();
    CHECK(future.wait_for(20ms) == std::future_status::timeout);
    REQUIRE(::write(pipe.ends[1], "x", 1) == 1);
    CHECK(future.wait_for(patience) == std::future_status::ready);
    REQUIRE(::write(pipe.ends[1], "x", 1) == 1);
    std::this_thread::sleep_for(20ms);  // a second call would throw on the promise
    CHECK((::fcntl(pipe.ends[0], F_GETFL) & O_NONBLOCK) == 0);

    std::promise<void> again;
    loop.watch(pipe.ends[0], POLLIN, [&] { again.set_value(); });
    CHECK(again.get_future().wait_for(patience) == std::future_status::ready);
}

TEST_CASE("a file that cannot be watched is ready at once") {
    const int fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    event::EventLoop loop;
    std::promise<void> ready;
    loop.watch(fd, POLLIN, [&] { ready.set_value(); });
    CHECK(ready.get_future().wait_for(patience) == std::future_status::ready);
    ::close(fd);
}

TEST_CASE("a delay is no shorter than asked for") {
    event::EventLoop loop;
    std::promise<void> due;
    const auto began = std::chrono::steady_clock::now();
    loop.call_after(30ms, [&] { due.set_value(); });
    REQUIRE(due.get_future().wait_for(patience) == std::future_status::ready);
    CHECK(std::chrono::steady_clock::now() - began >= 30ms);
}

TEST_CASE("a loop with unfinished business ends at once") {
    const Pipe pipe;
    event::EventLoop loop;
    loop.call_after(1h, [] {});
    loop.watch(pipe.ends[0], POLLIN, [] {});
}

TEST_CASE("stopping waits for the callback that runs, and no other one follows") {
    auto loop = std::make_unique<event::EventLoop>();
    std::promise<void> begun;
    bool has_ended = false, has_followed = false;
    loop->post([&] {
        begun.set_value();
        std::this_thread::sleep_for(20ms);
        loop->post([&] { has_followed = true; });  // the loop is still there
        has_ended = true;
    });
    REQUIRE(begun.get_future().wait_for(patience) == std::future_status::ready);
    loop->stop();
    CHECK(has_ended);
    loop.reset();
    CHECK_FALSE(has_followed);
}
