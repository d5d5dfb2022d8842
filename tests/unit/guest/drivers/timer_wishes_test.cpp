// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/timer_wishes.hpp"

#include <algorithm>
#include <utility>

#include <doctest/doctest.h>

using husk::foreign_timer::TimerWishes;

TEST_CASE("what is due first is programmed, and what was due is not asked for again") {
    TimerWishes wishes;
    wishes.clear();
    CHECK(wishes.next_due(TimerWishes::never, 0) == TimerWishes::never);
    wishes.update_slice(true, 100, 40);
    wishes.set_wake_up(120);
    CHECK(wishes.next_due(130, 0) == 120);
    CHECK(wishes.next_due(130, 120) == 130);
    CHECK(wishes.next_due(130, 130) == 140);
    wishes.on_fired(140, 0);
    CHECK(wishes.next_due(130, 130) == TimerWishes::never);
}

TEST_CASE("a slice begins once, and ends when it is not wanted any more") {
    TimerWishes wishes;
    wishes.clear();
    wishes.update_slice(true, 100, 40);
    wishes.update_slice(true, 120, 40);
    CHECK(wishes.next_due(TimerWishes::never, 0) == 140);
    wishes.update_slice(false, 130, 40);
    CHECK(wishes.next_due(TimerWishes::never, 0) == TimerWishes::never);
}

TEST_CASE("looks leave time to the interrupted code, however long a handler takes") {
    constexpr std::uint64_t look = 200, handler = 3000, work = 20'000;
    TimerWishes wishes;
    wishes.clear();
    std::uint64_t now = 0, done = 0;
    int looks = 0;
    while (done < work && looks < 100) {
        wishes.look_again(now, look);
        std::uint64_t due = wishes.next_due(TimerWishes::never, 0);
        now += handler;
        if (due > now) done += due - now;
        now = std::max(now, due);
        wishes.on_fired(now, 0);
        ++looks;
    }
    CHECK(done >= work);
    CHECK(looks < 10);
}

TEST_CASE("once attention was taken the next look is soon again") {
    TimerWishes wishes;
    wishes.clear();
    for (int i = 0; i < 20; ++i) wishes.look_again(0, 200);
    CHECK(wishes.next_due(TimerWishes::never, 0) == 200 << 8);
    wishes.forget_looks();
    wishes.look_again(0, 200);
    CHECK(wishes.next_due(TimerWishes::never, 0) == 200);
}

TEST_CASE("what is due already fires once, though the handler comes at once and nobody has served it yet") {
    TimerWishes wishes;
    wishes.clear();
    wishes.set_wake_up(500);
    int arms = 0;
    std::uint64_t last = 0;
    auto fires_at_once_when_due = [&](std::uint64_t due) {
        last = due;
        if (++arms > 10 || due > 100) return;
        wishes.on_fired(100, 0);
        wishes.program(50, 100, [&](std::uint64_t later) { last = later; });
    };
    wishes.program(50, 0, fires_at_once_when_due);
    CHECK(arms == 2);
    CHECK(last == 500);
}

TEST_CASE("a handler between the choice and the arming has the last word") {
    TimerWishes wishes;
    wishes.clear();
    std::uint64_t armed = 0;
    bool is_first = true;
    wishes.program(4000, 0, [&](std::uint64_t due) {
        if (std::exchange(is_first, false)) {
            wishes.look_again(0, 200);
            wishes.program(4000, 0, [&](std::uint64_t look) { armed = look; });
        }
        armed = due;
    });
    CHECK(armed == 200);
}

TEST_CASE("a slice that is nearly over ends with whatever fires before it") {
    TimerWishes wishes;
    wishes.clear();
    wishes.update_slice(true, 100, 40);
    wishes.on_fired(138, 5);
    wishes.update_slice(true, 139, 40);
    CHECK(wishes.next_due(TimerWishes::never, wishes.fired_at()) == 179);
}
