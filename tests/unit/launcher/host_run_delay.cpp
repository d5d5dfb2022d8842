// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/run_delay.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>

using namespace husk;
using namespace std::chrono_literals;

TEST_CASE("who shares a CPU with another that computes has waited for it") {
    std::atomic<bool> ends = false;
    std::uint64_t delay_ns = 0;
    const int cpu = ::sched_getcpu();
    const auto bind = [cpu] {
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(cpu, &only);
        CHECK(::sched_setaffinity(0, sizeof only, &only) == 0);
    };
    std::thread other([&] {
        bind();
        while (!ends.load()) {
        }
    });
    std::thread waiting([&] {
        bind();
        const host::RunDelay delay;
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (delay_ns < 10'000'000 && std::chrono::steady_clock::now() < end) delay_ns = delay.ns();
    });
    waiting.join();
    ends.store(true);
    other.join();
    CHECK(delay_ns >= 10'000'000);
}
