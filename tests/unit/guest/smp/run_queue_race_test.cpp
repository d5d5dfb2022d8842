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
