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
    if (!host::RunDelay().is_known()) return;  // this kernel does not count it
    std::atomic<bool> ends = false;
    host::RunTimes times;
    const int cpu = ::sched_getcpu();
    const auto bind = [cpu] {
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(cpu, &only);
        ::sched_setaffinity(0, sizeof only, &only);
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
        while (times.waited_ns < 10'000'000 && std::chrono::steady_clock::now() < end) times = delay.times();
    });
    waiting.join();
    ends.store(true);
    other.join();
    CHECK(times.waited_ns >= 10'000'000);
    CHECK(times.ran_ns > 0);
}
