// SPDX-License-Identifier: Apache-2.0
// The litmus set for atomics, across vCPUs: message passing, store buffering, load buffering, and independent reads of
// independent writes, each with the orders that forbid its odd outcome.
#include <pthread.h>
#include <sched.h>

#include <array>
#include <atomic>

#include "tests/guest/check.hpp"

namespace {

constexpr int rounds = 800;
constexpr int most_threads = 4;

struct alignas(64) Word {
    std::atomic<int> value = 0;
};

Word x, y;
std::array<std::array<int, 2>, most_threads> seen;
std::atomic<int> arrived, generation;

// All threads of a round go on at the same time, more or less: they spin a little, then let others run.
void meet(int threads) {
    const int now = generation.load();
    if (arrived.fetch_add(1) + 1 == threads) {
        arrived = 0;
        generation.fetch_add(1);
        return;
    }
    for (int i = 0; generation.load() == now; ++i) {
        if (i > 200) sched_yield();
    }
}

struct Test {
    const char* name;
    int threads;
    void (*step)(int thread);
    bool (*is_forbidden)();
};

void message_passing(int thread) {
    if (thread == 0) {
        x.value.store(1, std::memory_order_relaxed);
        y.value.store(1, std::memory_order_release);
    } else {
        seen[1][0] = y.value.load(std::memory_order_acquire);
        seen[1][1] = x.value.load(std::memory_order_relaxed);
    }
}

void store_buffering(int thread) {
    (thread == 0 ? x : y).value.store(1, std::memory_order_seq_cst);
    seen[static_cast<std::size_t>(thread)][0] = (thread == 0 ? y : x).value.load(std::memory_order_seq_cst);
}

void load_buffering(int thread) {
    seen[static_cast<std::size_t>(thread)][0] = (thread == 0 ? x : y).value.load(std::memory_order_acquire);
    (thread == 0 ? y : x).value.store(1, std::memory_order_release);
}

void independent_reads(int thread) {
    if (thread < 2) {
        (thread == 0 ? x : y).value.store(1, std::memory_order_seq_cst);
        return;
    }
    auto& mine = seen[static_cast<std::size_t>(thread)];
    mine[0] = (thread == 2 ? x : y).value.load(std::memory_order_seq_cst);
    mine[1] = (thread == 2 ? y : x).value.load(std::memory_order_seq_cst);
}

constexpr std::array tests = {
    Test{"message passing", 2, message_passing, [] { return seen[1][0] == 1 && seen[1][1] == 0; }},
    Test{"store buffering", 2, store_buffering, [] { return seen[0][0] == 0 && seen[1][0] == 0; }},
    Test{"load buffering", 2, load_buffering, [] { return seen[0][0] == 1 && seen[1][0] == 1; }},
    Test{"independent reads of independent writes", 4, independent_reads,
         [] {
             return seen[2] == std::array{1, 0} && seen[3] == std::array{1, 0};
         }},
};

struct Runner {
    const Test* test;
    int thread;
};

void* run(void* argument) {
    const Runner& runner = *static_cast<Runner*>(argument);
    for (int round = 0; round < rounds; ++round) {
        meet(runner.test->threads);
        runner.test->step(runner.thread);
        meet(runner.test->threads);
        if (runner.thread == 0) {
            guest_test::check(!runner.test->is_forbidden());
            x.value = y.value = 0;
        }
    }
    return nullptr;
}

}  // namespace

int main() {
    for (const Test& test : tests) {
        std::array<pthread_t, most_threads> threads{};
        std::array<Runner, most_threads> runners{};
        for (int i = 0; i < test.threads; ++i) {
            runners[static_cast<std::size_t>(i)] = {&test, i};
            guest_test::check(pthread_create(&threads[static_cast<std::size_t>(i)], nullptr, run,
                                             &runners[static_cast<std::size_t>(i)]) == 0);
        }
        for (int i = 0; i < test.threads; ++i) pthread_join(threads[static_cast<std::size_t>(i)], nullptr);
        guest_test::passed(test.name);
    }
}
