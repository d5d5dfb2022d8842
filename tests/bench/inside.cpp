// SPDX-License-Identifier: Apache-2.0
// Measures from inside, as a Linux process or as a VM, and prints JSON: a null system call, a switch between two
// threads.
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

template <class Body>
double median_ns(int batches, int turns, Body body) {
    std::vector<double> results;
    for (int batch = 0; batch < batches; ++batch) {
        const auto begin = Clock::now();
        body(turns);
        const std::chrono::duration<double, std::nano> passed = Clock::now() - begin;
        results.push_back(passed.count() / turns);
    }
    std::nth_element(results.begin(), results.begin() + batches / 2, results.end());
    return results[static_cast<std::size_t>(batches / 2)];
}

double null_call_ns() {
    return median_ns(21, 100'000, [](int turns) {
        for (int i = 0; i < turns; ++i) getppid();
    });
}

using Word = std::atomic<std::uint32_t>;

void wait_while(Word& word, std::uint32_t value) {
    while (word.load(std::memory_order_acquire) == value) {
        syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
    }
}

void set_and_wake(Word& word, std::uint32_t value) {
    word.store(value, std::memory_order_release);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

// Two threads on one CPU hand a ball to each other: a turn is two switches.
double switch_ns() {
    Word ball = 0;
    std::atomic<bool> stop = false;
    std::thread partner([&] {
        for (;;) {
            wait_while(ball, 0);
            if (stop) return;
            set_and_wake(ball, 0);
        }
    });
    const double turn_ns = median_ns(21, 5'000, [&](int turns) {
        for (int i = 0; i < turns; ++i) {
            set_and_wake(ball, 1);
            wait_while(ball, 1);
        }
    });
    stop = true;
    set_and_wake(ball, 1);
    partner.join();
    return turn_ns / 2;
}

}  // namespace

int main() {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof first, &first);
    std::printf("{\"null_call_ns\": %.2f, ", null_call_ns());
    std::printf("\"switch_ns\": %.1f}\n", switch_ns());
}
