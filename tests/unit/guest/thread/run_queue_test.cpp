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
    explicit Runnable(std::uint64_t allowed = ~std::uint64_t{0}) : affinity(allowed) {}
    std::atomic<std::uint64_t> affinity;
    std::atomic<unsigned> times_taken = 0;
};
using Queue = thread::RunQueue<Runnable, Tag>;

}  // namespace

TEST_CASE("threads run in the order in which they were queued") {
    Queue queue;
    std::array<Runnable, 3> threads;
    for (Runnable& one : threads) queue.push(one);
    CHECK(queue.length() == 3);
    for (Runnable& one : threads) CHECK(queue.pop(0) == &one);
    CHECK(queue.pop(0) == nullptr);
    CHECK(queue.length() == 0);
}

TEST_CASE("a virtual CPU passes over threads that may not run on it, which keep their place") {
    Queue queue;
    Runnable only_on_1(1u << 1), only_on_0(1u << 0), anywhere;
    for (Runnable* one : {&only_on_1, &only_on_0, &anywhere}) queue.push(*one);
    CHECK(queue.pop(0) == &only_on_0);
    CHECK(queue.pop(2) == &anywhere);
    CHECK(queue.pop(2) == nullptr);
    CHECK(queue.length() == 1);
    CHECK(queue.pop(1) == &only_on_1);
}

TEST_CASE("of several that take from one queue, each thread goes to exactly one") {
    constexpr std::size_t thread_count = 20'000;
    Queue queue;
    std::vector<Runnable> threads(thread_count);
    std::atomic<std::size_t> taken = 0;
    auto take = [&] {
        while (taken.load() < thread_count) {
            Runnable* one = queue.pop(3);
            if (one == nullptr) continue;
            one->times_taken.fetch_add(1);
            taken.fetch_add(1);
        }
    };
    {
        std::jthread first(take), second(take);
        for (Runnable& one : threads) queue.push(one);
    }
    for (const Runnable& one : threads) REQUIRE(one.times_taken.load() == 1);
    CHECK(queue.length() == 0);
}
