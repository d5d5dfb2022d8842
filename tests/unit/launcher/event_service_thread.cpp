// SPDX-License-Identifier: Apache-2.0
#include "launcher/event/service_thread.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "launcher/host/cpu_affinity.hpp"

using namespace husk;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 10s;

void bind_to(unsigned cpu) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    REQUIRE(::sched_setaffinity(0, sizeof only, &only) == 0);
}

// A device that always expects an answer from its disk, on a thread that the kernel has put on `home` at first.
class Busy final : public event::Served {
public:
    explicit Busy(unsigned home) : home_(home) {}

    bool serve() override {
        if (rounds.fetch_add(1) == 0) {
            bind_to(home_);
            return true;
        }
        if (static_cast<unsigned>(::sched_getcpu()) != home_) was_elsewhere.store(true);
        return false;
    }
    bool arm() override { return true; }
    void disarm() override {}
    [[nodiscard]] bool expects_news() const override { return true; }
    [[nodiscard]] std::uint64_t deadline_ns() const override { return UINT64_MAX; }

    std::atomic<int> rounds = 0;
    std::atomic<bool> was_elsewhere = false;

private:
    const unsigned home_;
};

template <typename Condition>
bool comes_true(event::ServiceThread& thread, Condition condition) {
    for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;) {
        thread.wake();
        if (condition()) return true;
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

// Notes the policy and the CPUs that the thread has given itself. It may be late.
class Watched final : public event::Served {
public:
    bool serve() override {
        cpu_set_t set;
        ::sched_getaffinity(0, sizeof set, &set);
        if (CPU_COUNT(&set) == 1) was_bound.store(true);
        is_bound.store(CPU_COUNT(&set) == 1);
        lets_others_finish.store(::sched_getscheduler(0) == SCHED_BATCH);
        return false;
    }
    bool arm() override { return false; }
    void disarm() override {}
    [[nodiscard]] bool expects_news() const override { return true; }
    [[nodiscard]] bool may_be_late() const override { return true; }
    [[nodiscard]] std::uint64_t deadline_ns() const override { return UINT64_MAX; }

    std::atomic<bool> was_bound = false;
    std::atomic<bool> is_bound = false;
    std::atomic<bool> lets_others_finish = false;
};

// This thread is the virtual CPU; it gets its CPUs back at the end.
class OnOneCpu {
public:
    explicit OnOneCpu(unsigned cpu) {
        ::sched_getaffinity(0, sizeof before_, &before_);
        bind_to(cpu);
    }
    ~OnOneCpu() { ::sched_setaffinity(0, sizeof before_, &before_); }

private:
    cpu_set_t before_;
};

}  // namespace

TEST_CASE("a device's thread leaves the virtual CPU's CPU to spin") {
    const std::vector<unsigned> cpus = host::allowed_cpus();
    if (cpus.size() < 2) return;  // there is nowhere to go
    std::uint32_t spin_us = 0;
    event::SpinFacts facts;
    facts.connect({&spin_us});
    Busy device(cpus[0]);
    event::ServiceThread thread(device, facts);
    thread.wake();
    {
        const OnOneCpu vcpu(cpus[0]);
        facts.note_running(0);
    }
    CHECK(comes_true(thread, [&] { return device.was_elsewhere.load(); }));
}

TEST_CASE("a device's thread that has only the virtual CPU's CPU serves without spinning") {
    const unsigned cpu = host::allowed_cpus().at(0);
    const OnOneCpu all(cpu);
    std::uint32_t spin_us = 0;
    event::SpinFacts facts;
    facts.connect({&spin_us});
    facts.note_running(0);
    Busy device(cpu);
    event::ServiceThread thread(device, facts);
    CHECK(comes_true(thread, [&] { return device.rounds.load() > 3; }));
    CHECK_FALSE(device.was_elsewhere.load());
    CHECK(spin_us == 0);
}

TEST_CASE("a device's thread does not stay where others compute") {
    const std::vector<unsigned> cpus = host::allowed_cpus();
    if (cpus.size() < 2) return;  // there is nowhere to go
    cpu_set_t before;
    REQUIRE(::sched_getaffinity(0, sizeof before, &before) == 0);
    cpu_set_t two;
    CPU_ZERO(&two);
    CPU_SET(cpus[0], &two);
    CPU_SET(cpus[1], &two);
    REQUIRE(::sched_setaffinity(0, sizeof two, &two) == 0);

    std::atomic<bool> ends = false;
    std::uint32_t spin_us = 0;
    event::SpinFacts facts;
    facts.connect({&spin_us});
    Watched device;
    {
        event::ServiceThread thread(device, facts);
        thread.wake();
        std::thread rival([&] {
            bind_to(cpus[1]);
            while (!ends.load()) {
            }
        });
        bind_to(cpus[0]);
        facts.note_running(0);
        const auto computes = [&](auto condition) {
            const auto end = std::chrono::steady_clock::now() + patience;
            while (!condition() && std::chrono::steady_clock::now() < end) facts.note_running(0);
            return condition();
        };
        CHECK(computes([&] { return device.was_bound.load(); }));
        CHECK(computes([&] { return device.lets_others_finish.load() && !device.is_bound.load(); }));
        ends.store(true);
        rival.join();
        // Alone again, it comes back after a while.
        CHECK(computes([&] { return device.is_bound.load() && !device.lets_others_finish.load(); }));
    }
    ::sched_setaffinity(0, sizeof before, &before);
}
