// SPDX-License-Identifier: Apache-2.0
// The clocks agree with the host's, go forward, and sleep as long as asked. argv[1]: the host's time at start in ns.
#include <time.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "tests/guest/check.hpp"

using namespace guest_test;
using namespace std::chrono;

namespace {

void wall_clock(const char* host_now) {
    const nanoseconds host(std::strtoll(host_now, nullptr, 10));
    const nanoseconds here = system_clock::now().time_since_epoch();
    if (here < host - seconds(2) || here > host + seconds(120)) {
        std::fprintf(stderr, "guest %lld ns, host %lld ns\n", static_cast<long long>(here.count()),
                     static_cast<long long>(host.count()));
    }
    check(here >= host - seconds(2) && here <= host + seconds(120));
    check(std::llabs(static_cast<long long>(time(nullptr)) - duration_cast<seconds>(here).count()) <= 1);
}

void forward() {
    auto steady = steady_clock::now();
    auto wall = system_clock::now();
    for (int i = 0; i < 100000; ++i) {
        const auto next = steady_clock::now();
        check(next >= steady);
        steady = next;
    }
    check(steady_clock::now() - steady < seconds(10));
    check(system_clock::now() > wall);
}

void rates() {
    // Each reading of the wall's time lies between two of the other: the machine may be slow anywhere.
    const auto before_first = steady_clock::now();
    const auto wall = system_clock::now();
    const auto first = steady_clock::now();
    std::this_thread::sleep_for(milliseconds(200));
    const auto second = steady_clock::now();
    const auto wall_passed = system_clock::now() - wall;
    const auto after_second = steady_clock::now();
    check(second - first >= milliseconds(200) && second - first < seconds(30));
    check(wall_passed > second - first - milliseconds(50));
    check(wall_passed < after_second - before_first + milliseconds(50));
}

void cpu_time() {
    timespec before{}, after{}, thread{};
    check_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before), 0);
    volatile unsigned long sum = 0;
    for (unsigned long i = 0; i < 20'000'000; ++i) sum = sum + i;
    check_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after), 0);
    check_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &thread), 0);
    const auto ns = [](const timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; };
    check(ns(after) > ns(before));
    check(ns(thread) > 0);
    check(std::clock() > 0);
}

void all_ids() {
    for (const clockid_t id : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                               CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME}) {
        timespec now{}, resolution{};
        check_equal(clock_gettime(id, &now), 0);
        check_equal(clock_getres(id, &resolution), 0);
        check(now.tv_nsec >= 0 && now.tv_nsec < 1'000'000'000);
        check(resolution.tv_sec == 0 && resolution.tv_nsec > 0);
    }
    timespec now{};
    check_fails(clock_gettime(1000, &now), EINVAL);
}

}  // namespace

int main(int argc, char** argv) {
    check(argc == 2);
    wall_clock(argv[1]);
    passed("wall clock is the host's");
    forward();
    passed("clocks go forward");
    rates();
    passed("clocks run at one rate");
    cpu_time();
    passed("CPU time");
    all_ids();
    passed("clock ids");
}
