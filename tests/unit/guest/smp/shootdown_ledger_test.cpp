// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/shootdown_ledger.hpp"

#include <doctest/doctest.h>

#include <array>
#include <thread>
#include <vector>

using namespace husk;

namespace {

constexpr std::uint32_t vcpus = 4;
using Ledger = memory::ShootdownLedger<vcpus>;

}  // namespace

TEST_CASE("a request is served by a vCPU that has flushed since, or is idle") {
    Ledger ledger;
    CHECK_FALSE(ledger.is_asked(1));
    std::uint64_t first = ledger.request();
    CHECK(ledger.requested() == first);
    CHECK(ledger.is_asked(1));
    CHECK_FALSE(ledger.is_served(1, first));
    int flushes = 0;
    ledger.acknowledge(1, [&] { ++flushes; });
    CHECK(flushes == 1);
    CHECK(ledger.is_served(1, first));
    ledger.enter_idle(2);
    CHECK(ledger.is_served(2, first));
    ledger.leave_idle(2, [&] { ++flushes; });
    CHECK(flushes == 2);
    CHECK(ledger.is_served(2, first));
}

TEST_CASE("a request during a flush is left for the next one") {
    Ledger ledger;
    std::uint64_t first = ledger.request(), second = 0;
    ledger.acknowledge(0, [&] { second = ledger.request(); });
    CHECK(ledger.is_served(0, first));
    CHECK_FALSE(ledger.is_served(0, second));
    CHECK(ledger.is_asked(0));
}

TEST_CASE("a vCPU that was idle meanwhile without a request need not flush") {
    Ledger ledger;
    ledger.enter_idle(0);
    ledger.leave_idle(0, [] { FAIL("nothing was asked"); });
}

// A page is mapped or not; each vCPU remembers what it saw until it flushes, and reads the frame by what it remembers.
// Once a request is served by all, nobody touches the frame any more: the thread sanitiser would see a race.
TEST_CASE("a frame is nobody's any more once its request is served") {
    Ledger ledger;
    constexpr int rounds = 2000;
    std::array<long, rounds> frames{};
    std::atomic<int> page_table = 0;  // number of the frame
    std::atomic<bool> is_over = false;

    auto run = [&](std::uint32_t self) {
        int remembered = page_table.load();
        auto flush = [&] { remembered = page_table.load(); };
        long sum = 0;
        for (unsigned step = 0; !is_over.load(); ++step) {
            sum += frames[static_cast<std::size_t>(remembered)];
            if (ledger.is_asked(self)) ledger.acknowledge(self, flush);
            if (step % 16 == 0) {
                ledger.enter_idle(self);
                std::this_thread::yield();
                ledger.leave_idle(self, flush);
            }
        }
        ledger.enter_idle(self);
        CHECK(sum == 0);
    };
    std::vector<std::jthread> threads;
    for (std::uint32_t vcpu = 1; vcpu < vcpus; ++vcpu) threads.emplace_back(run, vcpu);
    for (int round = 0; round + 1 < rounds; ++round) {
        page_table.store(round + 1);
        std::uint64_t generation = ledger.request();
        for (std::uint32_t vcpu = 1; vcpu < vcpus; ++vcpu) {
            while (!ledger.is_served(vcpu, generation)) std::this_thread::yield();
        }
        frames[static_cast<std::size_t>(round)] = 1;
    }
    is_over = true;
}
