// SPDX-License-Identifier: Apache-2.0
// Threads on several vCPUs: how many there are said to be (argv[1]), affinity, a clock that never runs backwards,
// spinning threads side by side, signals to running and to ending threads, 500 threads.
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

namespace {

using guest_test::check;
using guest_test::check_equal;
using guest_test::passed;

long cpus = 1;

cpu_set_t only(long cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    return set;
}

void count_cpus() {
    check_equal(static_cast<long>(std::thread::hardware_concurrency()), cpus);
    check_equal(sysconf(_SC_NPROCESSORS_ONLN), cpus);
    check_equal(sysconf(_SC_NPROCESSORS_CONF), cpus);
    int listed = 0;
    char line[256];
    std::FILE* file = std::fopen("/proc/cpuinfo", "r");
    check(file != nullptr);
    while (std::fgets(line, sizeof line, file) != nullptr) listed += std::strncmp(line, "processor", 9) == 0 ? 1 : 0;
    std::fclose(file);
    check_equal(static_cast<long>(listed), cpus);
    passed("the number of CPUs");
}

// Each CPU in turn, for this thread, and for another one that runs, sleeps or waits its turn.
void affinity() {
    const pid_t self = static_cast<pid_t>(syscall(SYS_gettid));
    for (int round = 0; round < 20; ++round) {
        for (long cpu = 0; cpu < cpus; ++cpu) {
            const cpu_set_t set = only(cpu);
            check(sched_setaffinity(self, sizeof set, &set) == 0);
            check_equal(static_cast<long>(sched_getcpu()), cpu);
            sched_yield();
            check_equal(static_cast<long>(sched_getcpu()), cpu);
        }
    }
    std::atomic<bool> is_over = false;
    std::atomic<long> runs_on = -1;
    std::atomic<pid_t> tid = 0;
    cpu_set_t all;
    CPU_ZERO(&all);
    for (long cpu = 0; cpu < cpus; ++cpu) CPU_SET(static_cast<std::size_t>(cpu), &all);
    check(sched_setaffinity(0, sizeof all, &all) == 0);
    std::thread spinner([&] {
        tid = static_cast<pid_t>(syscall(SYS_gettid));
        // No system call but getcpu(): an interrupt has to bring it out.
        while (!is_over.load()) runs_on.store(sched_getcpu());
    });
    while (tid.load() == 0) sched_yield();
    for (int round = 0; round < 5; ++round) {
        for (long cpu = 0; cpu < cpus; ++cpu) {
            const cpu_set_t set = only(cpu);
            check(sched_setaffinity(tid.load(), sizeof set, &set) == 0);
            for (int i = 0; runs_on.load() != cpu; ++i) {
                check(i < 10'000'000);
                sched_yield();
            }
        }
    }
    is_over = true;
    spinner.join();
    passed("affinity");
}

long now_ns(clockid_t clock) {
    timespec t{};
    check(clock_gettime(clock, &t) == 0);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

void clock_order() {
    std::atomic<long> latest = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round < 20'000; ++round) {
                long before = latest.load();
                const long now = now_ns(CLOCK_MONOTONIC);
                check(now >= before);
                while (before < now && !latest.compare_exchange_weak(before, now)) {
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
    passed("the clock never runs backwards");
}

// Each waits for all others without a system call: they run at once, or are pre-empted.
void spin_together() {
    std::atomic<int> here = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) {
        threads.emplace_back([&] {
            here.fetch_add(1);
            while (here.load() != 6) {
            }
        });
    }
    for (auto& thread : threads) thread.join();
    passed("spinning threads");
}

std::atomic<long> handled = 0;

void count_signal(int) { handled.fetch_add(1); }

void signals() {
    struct sigaction action = {};
    action.sa_handler = count_signal;
    check(sigaction(SIGUSR1, &action, nullptr) == 0);
    std::atomic<bool> is_over = false;
    std::thread spinner([&] {
        while (!is_over.load()) {
        }
    });
    for (long i = 1; i <= 200; ++i) {
        check(pthread_kill(spinner.native_handle(), SIGUSR1) == 0);
        while (handled.load() < i) sched_yield();
    }
    is_over = true;
    spinner.join();
    passed("signals to a running thread");

    // Threads that end while they are being signalled: by number, as a tid is allowed to be gone.
    std::atomic<int> left = 300;
    std::array<std::atomic<pid_t>, 4> tids{};
    std::vector<std::thread> makers;
    for (auto& tid : tids) {
        makers.emplace_back([&] {
            while (left.fetch_sub(1) > 0) {
                std::thread([&] { tid.store(static_cast<pid_t>(syscall(SYS_gettid))); }).join();
            }
            tid.store(0);
        });
    }
    while (left.load() > 0) {
        for (auto& tid : tids) {
            if (const pid_t target = tid.load(); target != 0) {
                const long sent = syscall(SYS_tgkill, getpid(), target, SIGUSR1);
                check(sent == 0 || errno == ESRCH);
            }
        }
        sched_yield();
    }
    for (auto& maker : makers) maker.join();
    passed("signals to ending threads");
}

void many() {
    std::atomic<int> sum = 0;
    pthread_barrier_t all;
    pthread_barrier_init(&all, nullptr, 500);
    std::vector<pthread_t> threads(500);
    struct Shared {
        std::atomic<int>* sum;
        pthread_barrier_t* all;
    } shared{&sum, &all};
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    for (auto& thread : threads) {
        auto body = [](void* argument) -> void* {
            const Shared& s = *static_cast<Shared*>(argument);
            for (int i = 0; i < 20; ++i) {
                s.sum->fetch_add(1);
                sched_yield();
            }
            pthread_barrier_wait(s.all);
            return nullptr;
        };
        check(pthread_create(&thread, &small, body, &shared) == 0);
    }
    for (auto& thread : threads) check(pthread_join(thread, nullptr) == 0);
    check_equal(sum.load(), 10'000);
    passed("500 threads");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1) {
        cpus = std::atol(argv[1]);
        count_cpus();
    } else {
        cpus = sysconf(_SC_NPROCESSORS_ONLN);
        passed("the number of CPUs");
    }
    affinity();
    clock_order();
    spin_together();
    signals();
    many();
}
