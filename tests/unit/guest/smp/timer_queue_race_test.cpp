// SPDX-License-Identifier: Apache-2.0
// Timers that wander between the queues of several vCPUs, each of which is a thread here.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/spin.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/timer_queue.hpp"

using namespace husk;

namespace {

constexpr std::uint32_t vcpus = 3;
std::atomic<std::uint64_t> now_ns = 0;
thread_local std::uint32_t this_vcpu = 0;

}  // namespace

namespace husk {

namespace thread {

std::uint64_t monotonic_ns() { return now_ns.load(); }
std::uint32_t vcpu_index() { return this_vcpu; }
std::uint32_t vcpu_count() { return vcpus; }
void announce_timer(Deadline) {}

}  // namespace thread
}  // namespace husk

namespace {

class Counted final : public thread::Timer {
public:
    std::mutex owner;  // whoever arms and disarms
    long runs = 0;     // written by the callback: once disarm() has returned, nobody else's
    std::atomic<bool> again = false;

private:
    void on_expiry() override {
        ++runs;
        if (again.exchange(false)) arm({now_ns.load() + 5});
    }
};

// Each with a queue of its own, serving it all the time.
template <class Step>
void on_all_vcpus(int steps, Step step) {
    std::atomic<std::uint32_t> busy = vcpus;
    auto run = [&](std::uint32_t self) {
        this_vcpu = self;
        std::minstd_rand random(self + 1);
        for (int i = 0; i < steps; ++i) {
            now_ns.fetch_add(1);
            step(random);
            thread::timer_queue().expire();
        }
        // What was left here by others is still to be served.
        --busy;
        while (busy != 0) {
            thread::timer_queue().expire();
            std::this_thread::yield();
        }
    };
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < vcpus; ++i) threads.emplace_back(run, i);
    for (std::thread& one : threads) one.join();
}

}  // namespace

TEST_CASE("a disarmed timer's callback runs on no vCPU any more, wherever the timer was armed before") {
    std::array<Counted, 6> timers;
    on_all_vcpus(20'000, [&](std::minstd_rand& random) {
        Counted& timer = timers[random() % timers.size()];
        std::lock_guard owned(timer.owner);
        timer.again = random() % 4 == 0;
        timer.arm({now_ns.load() + random() % 10});
        if (random() % 2 == 0) {
            timer.disarm();
            ++timer.runs;  // the thread sanitiser sees a callback that is still at it
        }
    });
    long runs = 0;
    for (Counted& timer : timers) {
        timer.disarm();
        runs += timer.runs;
    }
    CHECK(runs > 1000);
}

TEST_CASE("a callback that arms its timer again while another vCPU disarms it has armed it for nothing") {
    static std::atomic<bool> is_under_way, is_waited_for;
    struct ArmsAgain final : thread::Timer {
        void on_expiry() override {
            is_under_way = true;
            while (!is_waited_for) std::this_thread::yield();
            arm({now_ns.load() + 1});
        }
    };
    is_under_way = is_waited_for = false;
    hosted_spin = [] { is_waited_for = true; };
    ArmsAgain timer;
    std::thread other([&] {
        this_vcpu = 1;
        timer.arm({now_ns.load()});
        thread::timer_queue().expire();
    });
    while (!is_under_way) std::this_thread::yield();
    this_vcpu = 0;
    timer.disarm();
    CHECK_FALSE(timer.is_armed());
    other.join();
    hosted_spin = nullptr;
}

TEST_CASE("a timer that several vCPUs arm at once is in one queue, and runs once") {
    struct Once final : thread::Timer {
        std::atomic<int> runs = 0;
        void on_expiry() override { ++runs; }
    };
    for (int round = 0; round < 300; ++round) {
        Once timer;
        const std::uint64_t deadline = now_ns.load() + 1000;
        on_all_vcpus(3, [&](std::minstd_rand&) { timer.arm({deadline}); });
        REQUIRE(timer.runs == 0);
        now_ns.fetch_add(2000);
        for (std::uint32_t i = 0; i < vcpus; ++i) {
            this_vcpu = i;
            thread::timer_queue().expire();
        }
        REQUIRE(timer.runs == 1);
    }
}
