// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/base/spin_patience.hpp"

#include <doctest/doctest.h>

using namespace husk;

namespace {

constexpr std::uint64_t round_ns = 100;

// How many rounds it takes from begin_ns on.
std::uint64_t rounds_until_over(SpinPatience& patience, std::uint64_t begin_ns) {
    std::uint64_t rounds = 1;
    for (std::uint64_t now = begin_ns; !patience.is_over(now); now += round_ns) ++rounds;
    return rounds;
}

}  // namespace

TEST_CASE("a wait in one go is over after a while, and again after as long") {
    SpinPatience patience;
    constexpr std::uint64_t rounds = SpinPatience::patience_ns / round_ns + 1;
    CHECK(rounds_until_over(patience, 1'000'000) == rounds);
    CHECK(rounds_until_over(patience, 2'000'000) == rounds);
}

TEST_CASE("many short waits are not a long one") {
    SpinPatience patience;
    std::uint64_t now = 0;
    for (int wait = 0; wait < 1000; ++wait, now += 10'000) {
        for (int round = 0; round < 20; ++round) CHECK_FALSE(patience.is_over(now += round_ns));
    }
}
