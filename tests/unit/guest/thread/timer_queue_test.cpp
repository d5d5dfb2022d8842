// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/timer_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "guest-runtime/thread/scheduler.hpp"

using namespace husk;

namespace {

std::uint64_t now_ns = 0;
thread::Deadline announced = thread::Deadline::never();

}  // namespace

namespace husk::thread {

std::uint64_t monotonic_ns() { return now_ns; }
std::uint32_t vcpu_index() { return 0; }
std::uint32_t vcpu_count() { return 1; }
void announce_timer(Deadline deadline) { announced = deadline; }

}  // namespace husk::thread

namespace {

class Recorder final : public thread::Timer {
public:
    std::vector<Recorder*>* log = nullptr;
    std::optional<thread::Deadline> again;  // armed by the callback itself

private:
    void on_expiry() override {
        CHECK_FALSE(is_armed());
        log->push_back(this);
        if (again) arm(*std::exchange(again, std::nullopt));
    }
};

void expire_at(std::uint64_t ns) {
    now_ns = ns;
    thread::timer_queue().expire();
}

}  // namespace

TEST_CASE("timers run in the order of their deadlines, and none before its own") {
    now_ns = 0;
    std::vector<Recorder*> log;
    std::array<Recorder, 3> timers;
    for (Recorder& timer : timers) timer.log = &log;
    timers[0].arm({300});
    timers[1].arm({100});
    timers[2].arm({200});
    CHECK(announced.ns == 100);
    expire_at(99);
    CHECK(log.empty());
    expire_at(250);
    CHECK(log == std::vector{&timers[1], &timers[2]});
    CHECK(thread::timer_queue().next().ns == 300);
    expire_at(300);
    CHECK(log.back() == &timers[0]);
    CHECK(announced.is_never());
}

TEST_CASE("a timer that is moved counts at its new place only, and a disarmed one not at all") {
    now_ns = 0;
    std::vector<Recorder*> log;
    Recorder moved, disarmed;
    moved.log = disarmed.log = &log;
    moved.arm({10});
    disarmed.arm({20});
    moved.arm({30});
    disarmed.disarm();
    expire_at(29);
    CHECK(log.empty());
    expire_at(30);
    CHECK(log == std::vector{&moved});
}

TEST_CASE("a callback may arm its timer again, and an armed timer may go away") {
    now_ns = 0;
    std::vector<Recorder*> log;
    Recorder repeated;
    repeated.log = &log;
    repeated.again = thread::Deadline{50};
    repeated.arm({10});
    {
        Recorder short_lived;
        short_lived.log = &log;
        short_lived.arm({20});
    }
    expire_at(10);
    CHECK(repeated.is_armed());
    expire_at(50);
    CHECK(log == std::vector{&repeated, &repeated});
}

TEST_CASE("after any sequence of changes the queue agrees with a sorted list") {
    now_ns = 0;
    std::vector<Recorder*> log;
    std::vector<Recorder> timers(60);
    for (Recorder& timer : timers) timer.log = &log;
    std::minstd_rand random(7);
    for (int step = 0; step < 20'000; ++step) {
        Recorder& timer = timers[random() % timers.size()];
        const auto what = random() % 8;
        if (what < 5) {
            timer.arm({now_ns + random() % 1000});
        } else if (what < 7) {
            timer.disarm();
        } else {
            std::vector<std::uint64_t> due;
            const std::uint64_t until = now_ns + random() % 200;
            for (const Recorder& one : timers) {
                if (one.is_armed() && one.deadline().ns <= until) due.push_back(one.deadline().ns);
            }
            std::sort(due.begin(), due.end());
            log.clear();
            expire_at(until);
            std::vector<std::uint64_t> ran;
            for (const Recorder* one : log) ran.push_back(one->deadline().ns);
            REQUIRE(ran == due);
        }
        std::uint64_t first = UINT64_MAX;
        for (const Recorder& one : timers) {
            if (one.is_armed()) first = std::min(first, one.deadline().ns);
        }
        REQUIRE(thread::timer_queue().next().ns == first);
        REQUIRE(announced.ns == first);
    }
}
