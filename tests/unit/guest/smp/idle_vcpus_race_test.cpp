// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/idle_vcpus.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <semaphore>
#include <thread>
#include <vector>

#include "guest-runtime/thread/run_queue.hpp"

using namespace husk;

namespace {

constexpr std::uint32_t vcpus = 4;

struct Tag;
struct Runnable : ListNode<Tag> {
    std::atomic<std::uint64_t> affinity = ~std::uint64_t{0};
    long visits = 0;  // of whoever has taken it: plain, so that two at once are a race
};

// What the scheduler does with its queues and with who is idle, on threads of the host.
struct Machine {
    std::array<thread::RunQueue<Runnable, Tag>, vcpus> queues;
    thread::IdleVcpus<vcpus> idle;
    std::array<std::counting_semaphore<>, vcpus> doorbells{std::counting_semaphore<>(0), std::counting_semaphore<>(0),
                                                           std::counting_semaphore<>(0), std::counting_semaphore<>(0)};
    std::atomic<long> sleeps = 0;

    void wake(std::uint32_t vcpu) {
        if (idle.needs_wake(vcpu)) doorbells[vcpu].release();
    }
    void enqueue(Runnable& one, std::uint32_t last) {
        if (auto vcpu = idle.claim_any(~std::uint64_t{0}, last)) {
            queues[*vcpu].push(one);
            return wake(*vcpu);
        }
        queues[last].push(one);
        if (auto vcpu = idle.claim_any(~std::uint64_t{0}, last)) wake(*vcpu);
    }
    Runnable* pick(std::uint32_t self) {
        for (std::uint32_t i = 0; i < vcpus; ++i) {
            if (Runnable* one = queues[(self + i) % vcpus].pop(self)) return one;
        }
        return nullptr;
    }
    // The doorbell alone ends a sleep: a thread that waits meanwhile is lost.
    void be_idle(std::uint32_t self) {
        idle.announce(self);
        bool has_work = false;
        for (auto& queue : queues) has_work = has_work || queue.has_one_for(self);
        if (!has_work && idle.try_sleep(self)) {
            sleeps.fetch_add(1);
            doorbells[self].acquire();
        }
        idle.end(self);
    }
};

}  // namespace

TEST_CASE("no thread waits while vCPUs sleep, whoever queues it and whenever they fall asleep") {
    constexpr int rounds = 20'000;
    Machine machine;
    // Fewer than vCPUs, so that some sleep all the time, and every hand-over meets one that falls asleep.
    std::array<Runnable, 2> threads;
    std::atomic<long> visits = 0;
    std::atomic<bool> is_over = false;
    {
        std::vector<std::jthread> runners;
        for (std::uint32_t self = 0; self < vcpus; ++self) {
            runners.emplace_back([&, self] {
                while (!is_over.load()) {
                    Runnable* one = machine.pick(self);
                    if (one == nullptr) {
                        machine.be_idle(self);
                        continue;
                    }
                    ++one->visits;
                    if (visits.fetch_add(1) + 1 >= rounds) {
                        is_over.store(true);
                        for (auto& doorbell : machine.doorbells) doorbell.release();
                        return;
                    }
                    machine.enqueue(*one, (self + 1) % vcpus);
                }
            });
        }
        for (Runnable& one : threads) machine.enqueue(one, 0);
    }
    CHECK(visits.load() >= rounds);
    CHECK(machine.sleeps.load() > 0);
}

TEST_CASE("an idle vCPU is given to one only") {
    thread::IdleVcpus<vcpus> idle;
    CHECK_FALSE(idle.claim_any(~std::uint64_t{0}, 2));
    idle.announce(1);
    idle.announce(3);
    CHECK_FALSE(idle.claim_any(0b101, 2));
    CHECK(idle.claim_any(~std::uint64_t{0}, 3) == 3);
    CHECK_FALSE(idle.is_idle(3));
    CHECK(idle.claim_any(~std::uint64_t{0}, 3) == 1);
    CHECK(idle.try_sleep(1));
    CHECK(idle.is_sleeping(1));
    CHECK(idle.needs_wake(1));
    CHECK_FALSE(idle.needs_wake(1));
    CHECK_FALSE(idle.needs_wake(3));
    // It has been given a thread already.
    CHECK_FALSE(idle.try_sleep(3));
    idle.end(3);
    CHECK(idle.is_busy(3));
}
