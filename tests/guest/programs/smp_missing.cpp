// SPDX-License-Identifier: Apache-2.0
// Two CPUs are described and one starts: threads that are bound to the other one run all the same, and nobody waits for
// it.
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "tests/guest/check.hpp"

namespace {

using guest_test::check;
using guest_test::check_equal;
using guest_test::check_fails;
using guest_test::passed;

cpu_set_t only(std::size_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return set;
}

}  // namespace

int main() {
    using namespace std::chrono_literals;
    check_equal(std::thread::hardware_concurrency(), 2u);
    std::atomic<bool> is_free = false;
    std::thread bound([&] {
        const cpu_set_t second = only(1);
        check(sched_setaffinity(0, sizeof second, &second) == 0);
        check_equal(sched_getcpu(), 0);
        is_free = true;
    });
    int naps = 0;
    for (; !is_free; ++naps) std::this_thread::sleep_for(1ms);
    bound.join();
    passed("a thread of the missing CPU runs");
    check(naps > 20);
    passed("the others have not waited");
    const cpu_set_t second = only(1);
    check_fails(sched_setaffinity(0, sizeof second, &second), EINVAL);
    cpu_set_t all;
    check(sched_getaffinity(0, sizeof all, &all) == 0);
    check_equal(CPU_COUNT(&all), 1);
    passed("the missing CPU is refused");
}
