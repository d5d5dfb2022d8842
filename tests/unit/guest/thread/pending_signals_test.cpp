// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/pending_signals.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

using namespace husk::thread;

namespace {

constexpr SignalSet every_signal = ~SignalSet{0};
constexpr int usr1 = 10, term = 15, first_queued = 34;

SignalInfo with_value(int number, std::uint64_t value) { return sender_info(number, si_user, value); }

}  // namespace

TEST_CASE("a classic signal is pending once, with the first sender's information") {
    PendingSignals pending;
    pending.add(with_value(usr1, 1));
    pending.add(with_value(usr1, 2));
    SignalInfo info{};
    REQUIRE(pending.take(every_signal, info));
    CHECK(info.number == usr1);
    CHECK(info.sender.value == 1);
    CHECK_FALSE(pending.take(every_signal, info));
    CHECK(pending.set() == 0);
}

TEST_CASE("real-time signals queue up in order") {
    PendingSignals pending;
    for (std::uint64_t value : {7u, 8u, 9u}) pending.add(with_value(first_queued, value));
    SignalInfo info{};
    for (std::uint64_t value : {7u, 8u, 9u}) {
        CHECK(pending.set() == signal_bit(first_queued));
        REQUIRE(pending.take(every_signal, info));
        CHECK(info.sender.value == value);
    }
    CHECK(pending.set() == 0);
}

TEST_CASE("a fault goes before lower numbers, and only wanted signals are taken") {
    PendingSignals pending;
    pending.add(with_value(usr1, 0));
    pending.add(with_value(signal_number::segv, 0));
    pending.add(with_value(term, 0));
    SignalInfo info{};
    REQUIRE(pending.take(signal_bit(term), info));
    CHECK(info.number == term);
    REQUIRE(pending.take(every_signal, info));
    CHECK(info.number == signal_number::segv);
    REQUIRE(pending.take(every_signal, info));
    CHECK(info.number == usr1);
}

TEST_CASE("discarding a signal drops all of its queue and nothing else") {
    PendingSignals pending;
    pending.add(with_value(first_queued, 1));
    pending.add(with_value(first_queued, 2));
    pending.add(with_value(term, 3));
    pending.discard(first_queued);
    CHECK(pending.set() == signal_bit(term));
    SignalInfo info{};
    CHECK_FALSE(pending.take(signal_bit(first_queued), info));
}

TEST_CASE("discarding a timer's signal leaves those that others have sent") {
    PendingSignals pending;
    SignalInfo of_timer;
    of_timer.number = first_queued;
    of_timer.code = si_timer;
    of_timer.timer = {0, 0, 1};
    pending.add(of_timer);
    pending.add(with_value(first_queued, 2));
    pending.discard_timer(of_timer);
    SignalInfo info{};
    REQUIRE(pending.take(every_signal, info));
    CHECK(info.sender.value == 2);
    CHECK(pending.set() == 0);
    pending.add(of_timer);
    pending.discard_timer(of_timer);
    CHECK(pending.set() == 0);
}
