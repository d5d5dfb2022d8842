// SPDX-License-Identifier: Apache-2.0
#include "launcher/event/vcpu_rests.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "launcher/event/spin_facts.hpp"
#include "launcher/host/clock.hpp"

using namespace husk;

TEST_CASE("while no vCPU runs there is nothing to wait for") {
    event::VcpuRests rests;
    CHECK_FALSE(rests.wait(host::no_deadline_ns));
    rests.add_running();
    rests.add_resting();
    CHECK_FALSE(rests.wait(host::no_deadline_ns));
}

TEST_CASE("a vCPU that does not sleep is waited for until the deadline") {
    event::VcpuRests rests;
    rests.add_running();
    const std::uint64_t deadline_ns = host::monotonic_ns() + 1'000'000;
    CHECK(rests.wait(deadline_ns));
    CHECK(host::monotonic_ns() >= deadline_ns);
}

TEST_CASE("one that goes to sleep wakes all who wait, though another one runs") {
    event::VcpuRests rests;
    rests.add_running();
    rests.add_running();
    std::atomic<int> waiting = 2;
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&] {
            static_cast<void>(rests.wait(host::no_deadline_ns));
            waiting.fetch_sub(1);
        });
    }
    while (waiting.load() != 0) {
        rests.add_resting();
        rests.add_running();
        std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
}

TEST_CASE("a vCPU counts once, however often it says that it runs or sleeps") {
    std::uint32_t spin_us = 0;
    event::SpinFacts facts;
    facts.connect({&spin_us});
    CHECK_FALSE(facts.rests().wait(host::no_deadline_ns));
    facts.note_awake(0);  // by whoever wakes it
    facts.note_running(0);
    CHECK(facts.rests().wait(0));
    facts.note_waiting(0);
    CHECK_FALSE(facts.rests().wait(host::no_deadline_ns));
    facts.note_waiting(0);
    facts.note_running(0);
    CHECK(facts.rests().wait(0));
}
