// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/clock.hpp"

#include <initializer_list>

#include <doctest/doctest.h>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/thread/clock_source.hpp"

using namespace husk::thread;

TEST_CASE("at the TSC value of a deadline the clock has reached it") {
    for (std::uint64_t tsc_hz : {500'000'003ull, 1'000'000'007ull, 2'449'995'123ull, 3'999'999'999ull}) {
        initialise_clock(tsc_hz, 0, 0);
        const Deadline deadline = {monotonic_ns() + 20'000};
        const std::uint64_t due = tsc_at(deadline);
        while (husk::arch::read_tsc() < due) {
        }
        CHECK(monotonic_ns() >= deadline.ns);
    }
}

TEST_CASE("a deadline beyond what the counter reaches is none") {
    initialise_clock(3'000'000'000, 0, 0);
    CHECK(tsc_at(Deadline::never()) == UINT64_MAX);
    CHECK(tsc_at({UINT64_MAX - 1}) == UINT64_MAX);
    CHECK(tsc_at({1ull << 60}) == 3 * (1ull << 60) + 3 * (1ull << 28) + 2);
}

TEST_CASE("when a second vCPU starts, whose counter is behind, the clock does not step back") {
    constexpr std::uint64_t tsc_hz = 1'000'000'000;
    initialise_clock(tsc_hz, husk::arch::read_tsc() - tsc_hz, 0);
    const std::uint64_t before = monotonic_ns();
    share_clock();
    // From here on the counter is behind by a second.
    initialise_clock(tsc_hz, husk::arch::read_tsc(), 0);
    const std::uint64_t after = monotonic_ns();
    CHECK(after >= before);
    // A third vCPU changes nothing.
    share_clock();
    CHECK(monotonic_ns() >= after);
    trust_all_counters();
}
