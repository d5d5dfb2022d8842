// SPDX-License-Identifier: Apache-2.0
#include "launcher/event/cpu_rivals.hpp"

#include <doctest/doctest.h>

using namespace husk;

namespace {

constexpr std::uint64_t ms = 1'000'000;

}  // namespace

TEST_CASE("rivals are those for whom a thread waits three quarters of the time in which it wants to run") {
    event::CpuRivals rivals;
    rivals.begin(1000 * ms, {50 * ms, 70 * ms});
    CHECK_FALSE(rivals.is_due(1003 * ms));
    CHECK(rivals.is_due(1004 * ms));
    CHECK_FALSE(rivals.are_here(1020 * ms, {65 * ms, 85 * ms}));  // 15 and 15
    CHECK_FALSE(rivals.is_due(1023 * ms));
    CHECK(rivals.is_due(1024 * ms));
    CHECK(rivals.are_here(1040 * ms, {69 * ms, 98 * ms}));  // 4 and 13
}

TEST_CASE("rivals are not found before a thread has wanted to run for some time slices") {
    event::CpuRivals rivals;
    rivals.begin(0, {});
    CHECK_FALSE(rivals.are_here(1000 * ms, {1 * ms, 10 * ms}));
    CHECK(rivals.are_here(2000 * ms, {2 * ms, 10 * ms}));
}

TEST_CASE("only what happens on chosen CPUs counts, in whatever pieces") {
    event::CpuRivals rivals;
    rivals.begin(0, {});
    rivals.end({2 * ms, 5 * ms});
    rivals.begin(100 * ms, {90 * ms, 5 * ms});
    CHECK_FALSE(rivals.are_here(104 * ms, {91 * ms, 8 * ms}));
    CHECK(rivals.are_here(108 * ms, {91 * ms, 15 * ms}));
    rivals.begin(200 * ms, {91 * ms, 90 * ms});
    CHECK_FALSE(rivals.are_here(204 * ms, {98 * ms, 91 * ms}));
    CHECK_FALSE(rivals.are_here(208 * ms, {103 * ms, 91 * ms}));
}

TEST_CASE("a kernel that does not count delays shows no rivals") {
    event::CpuRivals rivals;
    rivals.begin(0, {});
    CHECK_FALSE(rivals.are_here(1000 * ms, {}));
}

TEST_CASE("the time to stay away doubles up to some seconds, and is short again after a long time alone") {
    event::CpuRivals rivals;
    CHECK(rivals.time_away_ns() == 100 * ms);
    CHECK(rivals.time_away_ns() == 200 * ms);
    for (int i = 0; i < 20; ++i) (void)rivals.time_away_ns();
    CHECK(rivals.time_away_ns() == 6400 * ms);
    rivals.begin(0, {});
    CHECK_FALSE(rivals.are_here(100 * ms, {100 * ms, 0}));
    CHECK(rivals.time_away_ns() == 6400 * ms);
    CHECK_FALSE(rivals.are_here(12800 * ms, {200 * ms, 0}));
    CHECK(rivals.time_away_ns() == 100 * ms);
}
