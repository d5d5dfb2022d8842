// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/clock.hpp"

#include <ctime>
#include <fstream>
#include <string>

#include <x86intrin.h>

namespace husk::host {

namespace {

std::int64_t read_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::uint64_t thread_cpu_ns(int thread_id) {
    // How Linux encodes the clock of a thread: ~id in the high bits, "per thread" and "as scheduled" in the low three.
    constexpr unsigned per_thread_scheduled = 4 | 2;
    const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(thread_id) << 3) | per_thread_scheduled);
    return static_cast<std::uint64_t>(read_ns(clock));
}

std::uint64_t monotonic_ns() { return static_cast<std::uint64_t>(read_ns(CLOCK_MONOTONIC)); }

WallClock read_wall_clock() {
    // The narrowest of a few readings: one may have been interrupted.
    WallClock best{};
    std::uint64_t best_width = UINT64_MAX;
    for (int i = 0; i < 3; ++i) {
        const std::uint64_t before = __rdtsc();
        const std::int64_t wall_clock_ns = read_ns(CLOCK_REALTIME);
        const std::uint64_t width = __rdtsc() - before;
        if (width >= best_width) continue;
        best_width = width;
        best = {wall_clock_ns, before + width / 2};
    }
    return best;
}

bool is_tsc(std::string_view clock_source) { return clock_source == "tsc" || clock_source == "tsc\n"; }

bool tsc_is_one_clock() {
    std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    std::string clock_source;
    return std::getline(file, clock_source) && is_tsc(clock_source);
}

}  // namespace husk::host
