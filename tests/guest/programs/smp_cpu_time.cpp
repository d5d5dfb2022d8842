// SPDX-License-Identifier: Apache-2.0
// The CPU time of the process and of its threads, read while others change threads all the time, never goes back.
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::int64_t read_ns(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * second_ns + now.tv_nsec;
}

}  // namespace

int main() {
    std::atomic<bool> end = false;
    sem_t turns[2];
    for (sem_t& turn : turns) sem_init(&turn, 0, 0);
    std::vector<std::thread> others;
    for (int i = 0; i < 2; ++i)
        others.emplace_back([&] {
            while (!end) sched_yield();
        });
    // Two more give each other turns: one sleeps whenever the other runs.
    for (int i = 0; i < 2; ++i)
        others.emplace_back([&turns, &end, i] {
            while (!end) {
                sem_post(&turns[1 - i]);
                sem_wait(&turns[i]);
            }
            sem_post(&turns[1 - i]);
        });
    clockid_t of_thread;
    pthread_getcpuclockid(others[0].native_handle(), &of_thread);
    for (bool is_process : {true, false}) {
        const clockid_t clock = is_process ? CLOCK_PROCESS_CPUTIME_ID : of_thread;
        const std::int64_t until = read_ns(CLOCK_MONOTONIC) + second_ns / 2;
        std::int64_t last = read_ns(clock), back = 0;
        while (read_ns(CLOCK_MONOTONIC) < until) {
            const std::int64_t now = read_ns(clock);
            if (now < last) ++back;
            last = now;
        }
        check_equal(back, std::int64_t{0});
        passed(is_process ? "process" : "thread");
    }
    end = true;
    for (std::thread& other : others) other.join();
}
