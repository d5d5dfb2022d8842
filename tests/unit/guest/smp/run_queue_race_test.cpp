// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/run_queue.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

using namespace husk;

namespace {

struct Tag;
struct Runnable : ListNode<Tag> {
    std::atomic<std::uint64_t> affinity = ~std::uint64_t{0};
    long visits = 0;  // of whoever has taken it: plain, so that two at once are a race
};
using Queue = thread::RunQueue<Runnable, Tag>;

}  // namespace

TEST_CASE("what one vCPU queues another takes whole, and nobody has it twice") {
    constexpr std::uint32_t vcpus = 3;
    constexpr long rounds = 5000;
    std::array<Queue, vcpus> queues;
    std::vector<Runnable> threads(8);
    std::atomic<long> visits = 0;
    for (Runnable& one : threads) queues[0].push(one);
    {
        std::vector<std::jthread> runners;
        for (std::uint32_t self = 0; self < vcpus; ++self) {
            runners.emplace_back([&, self] {
                while (visits.load() < rounds) {
                    Runnable* one = nullptr;
                    for (std::uint32_t i = 0; one == nullptr && i < vcpus; ++i)
                        one = queues[(self + i) % vcpus].pop(self);
                    if (one == nullptr) {
                        std::this_thread::yield();
                        continue;
                    }
                    ++one->visits;
                    visits.fetch_add(1);
                    queues[self].push(*one);
                }
            });
        }
    }
    long sum = 0;
    for (const Runnable& one : threads) sum += one.visits;
    CHECK(sum == visits.load());
}

// The protocol by which no thread waits while a vCPU sleeps: queue, then look who is idle; say idle, then look at the
// queue.
TEST_CASE("either the one who queues sees that a vCPU is idle, or that vCPU sees the thread") {
    constexpr int rounds = 20'000;
    Queue queue;
    Runnable one;
    std::atomic<bool> is_idle = false;
    std::atomic<int> woken = 0, round_of_sleeper = 0, round_of_waker = 0;
    int lost = 0;
    std::jthread sleeper([&] {
        for (int round = 1; round <= rounds; ++round) {
            while (round_of_waker.load() < round - 1) std::this_thread::yield();
            is_idle.store(true, std::memory_order_seq_cst);
            Runnable* found = queue.pop(0);
            while (found == nullptr) {
                // Asleep: only a wake-up helps.
                if (woken.load() >= round) found = queue.pop(0);
                if (round_of_waker.load() >= round && found == nullptr && woken.load() < round) {
                    ++lost;
                    found = queue.pop(0);
                }
                std::this_thread::yield();
            }
            is_idle.store(false, std::memory_order_relaxed);
            round_of_sleeper.store(round);
        }
    });
    for (int round = 1; round <= rounds; ++round) {
        while (round_of_sleeper.load() < round - 1) std::this_thread::yield();
        queue.push(one);
        if (is_idle.load(std::memory_order_seq_cst)) woken.store(round);
        round_of_waker.store(round);
    }
    sleeper.join();
    CHECK(lost == 0);
}
