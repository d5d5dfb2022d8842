// SPDX-License-Identifier: Apache-2.0
#include "launcher/event/cpu_rivals.hpp"

#include <doctest/doctest.h>

using namespace husk;

namespace {

constexpr std::uint64_t ms = 1'000'000;

}  // namespace

TEST_CASE("rivals are those for whom a thread waits three quarters of the time") {
    event::CpuRivals rivals;
    rivals.begin(1000 * ms, 70 * ms);
    CHECK_FALSE(rivals.is_due(1003 * ms));
    CHECK(rivals.is_due(1004 * ms));
    CHECK_FALSE(rivals.are_here(1008 * ms, 75 * ms));
    CHECK_FALSE(rivals.is_due(1011 * ms));
    CHECK(rivals.is_due(1012 * ms));
    CHECK(rivals.are_here(1016 * ms, 81 * ms));
}

TEST_CASE("a kernel that does not count delays shows no rivals") {
    event::CpuRivals rivals;
    rivals.begin(0, 0);
    CHECK_FALSE(rivals.are_here(1000 * ms, 0));
}

TEST_CASE("the time to stay away doubles up to some seconds, and is short again after a long time alone") {
    event::CpuRivals rivals;
    CHECK(rivals.time_away() == 100 * ms);
    CHECK(rivals.time_away() == 200 * ms);
    for (int i = 0; i < 20; ++i) (void)rivals.time_away();
    CHECK(rivals.time_away() == 6400 * ms);
    rivals.begin(0, 0);
    CHECK_FALSE(rivals.are_here(100 * ms, 0));
    CHECK(rivals.time_away() == 6400 * ms);
    CHECK_FALSE(rivals.are_here(6400 * ms, 0));
    CHECK(rivals.time_away() == 100 * ms);
}
