// SPDX-License-Identifier: Apache-2.0
#include "launcher/event/service_thread.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "launcher/host/cpu_affinity.hpp"
#include "launcher/host/run_delay.hpp"

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

// A device that has work whenever it is woken, and waits until the guest sleeps.
class Patient final : public event::Served {
public:
    bool serve() override { return rounds.fetch_add(1) % 2 == 0; }
    bool arm() override {
        arms.fetch_add(1);
        return true;
    }
    void disarm() override {}
    [[nodiscard]] bool expects_news() const override { return false; }
    [[nodiscard]] bool may_be_late() const override { return true; }
    [[nodiscard]] bool may_wait_for_rest() const override { return true; }
    [[nodiscard]] std::uint64_t deadline_ns() const override { return UINT64_MAX; }

    std::atomic<int> rounds = 0;
    std::atomic<int> arms = 0;
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
        is_bound.store(CPU_COUNT(&set) == 1);
        lets_others_finish.store(::sched_getscheduler(0) == SCHED_BATCH);
        return false;
    }
    bool arm() override { return false; }
    void disarm() override {}
    void on_move() override { ++moves; }
    [[nodiscard]] bool expects_news() const override { return true; }
    [[nodiscard]] bool may_be_late() const override { return true; }
    [[nodiscard]] std::uint64_t deadline_ns() const override { return UINT64_MAX; }

    std::atomic<int> moves = 0;
    std::atomic<bool> is_bound = false;
    std::atomic<bool> lets_others_finish = false;
};

// This thread is the virtual CPU; it gets its CPUs back at the end.
class OnCpus {
public:
    explicit OnCpus(std::vector<unsigned> cpus) {
        ::sched_getaffinity(0, sizeof before_, &before_);
        REQUIRE(host::run_this_thread_on(cpus));
    }
    ~OnCpus() { ::sched_setaffinity(0, sizeof before_, &before_); }

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
        const OnCpus vcpu({cpus[0]});
        facts.note_running(0);
    }
    CHECK(comes_true(thread, [&] { return device.was_elsewhere.load(); }));
}

TEST_CASE("a device's thread that has only the virtual CPU's CPU serves without spinning") {
    const unsigned cpu = host::allowed_cpus().at(0);
    const OnCpus all({cpu});
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
    // There is nowhere to go, or the kernel does not say how long a thread waits.
    if (cpus.size() < 2 || !host::RunDelay().is_known()) return;
    const OnCpus two({cpus[0], cpus[1]});
    std::uint32_t spin_us = 0;
    event::SpinFacts facts;
    facts.connect({&spin_us});
    facts.note_running(0);
    Watched device;
    event::ServiceThread thread(device, facts);
    thread.wake();
    const OnCpus vcpu({cpus[0]});
    // Until the condition is true, this thread is a vCPU that computes.
    const auto computes_until = [&](auto condition) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!condition() && std::chrono::steady_clock::now() < end) facts.note_running(0);
        return condition();
    };
    CHECK(computes_until([&] { return device.is_bound.load(); }));
    {
        std::atomic<bool> ends = false;
        std::thread rival([&] {
            bind_to(cpus[1]);
            while (!ends.load()) {
            }
        });
        CHECK(computes_until([&] { return device.lets_others_finish.load() && !device.is_bound.load(); }));
        ends.store(true);
        rival.join();
    }
    // Alone again, it comes back after a while.
    CHECK(computes_until([&] { return device.is_bound.load() && !device.lets_others_finish.load(); }));
    CHECK(device.moves.load() >= 3);
}

TEST_CASE("where vCPUs compute on all CPUs, a device's thread is not bound and lets them finish") {
    const std::vector<unsigned> cpus = host::allowed_cpus();
    if (cpus.size() < 2) return;  // that is another test
    const OnCpus two({cpus[0], cpus[1]});
    std::array<std::uint32_t, 2> spin_us{};
    event::SpinFacts facts;
    facts.connect({&spin_us[0], &spin_us[1]});
    {
        const OnCpus first({cpus[0]});
        facts.note_running(0);
    }
    {
        const OnCpus second({cpus[1]});
        facts.note_running(1);
    }
    Watched device;
    event::ServiceThread thread(device, facts);
    CHECK(comes_true(thread, [&] { return device.lets_others_finish.load() && !device.is_bound.load(); }));
    facts.note_waiting(1);
    CHECK(comes_true(thread, [&] { return !device.lets_others_finish.load() && device.is_bound.load(); }));
}

TEST_CASE("a device's thread without a CPU of its own serves a guest that rests, and one that does not") {
    const OnCpus all({host::allowed_cpus().at(0)});
    std::uint32_t spin_us = 0;
    event::SpinFacts facts;
    facts.connect({&spin_us});
    Patient device;
    event::ServiceThread thread(device, facts);
    facts.note_running(0);
    CHECK(comes_true(thread, [&] { return device.rounds.load() > 20; }));
    facts.note_waiting(0);
    const int rounds = device.rounds.load();
    CHECK(comes_true(thread, [&] { return device.rounds.load() > rounds + 20; }));
    CHECK(device.arms.load() > 0);
}
