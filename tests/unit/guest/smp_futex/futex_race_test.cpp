// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/futex.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/thread/mutex.hpp"

using namespace husk;
namespace futex = thread::futex;

// The application's words are the test's own, and always there.
namespace husk {

Result<> copy_in(void* to, std::uint64_t from_user, std::size_t size_bytes) {
    REQUIRE(size_bytes == 4);
    *static_cast<std::uint32_t*>(to) = *try_load32(from_user);
    return {};
}
std::optional<std::uint32_t> try_load32(std::uint64_t from_user) {
    return std::atomic_ref(*reinterpret_cast<std::uint32_t*>(from_user)).load();
}

}  // namespace husk

namespace {

using Word = std::atomic<std::uint32_t>;
std::uint64_t address(const Word& word) { return reinterpret_cast<std::uint64_t>(&word); }

template <class Body>
void run_all(int count, Body body) {
    static const bool is_ready = (futex::initialise(), true);
    REQUIRE(is_ready);
    std::vector<std::jthread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
}

// A lock as the C library makes it: 0 free, 1 taken, 2 taken with waiters.
void lock(Word& word) {
    std::uint32_t expected = 0;
    if (word.compare_exchange_strong(expected, 1)) return;
    while (word.exchange(2) != 0) (void)futex::wait(address(word), 2, thread::Deadline::never());
}
void unlock(Word& word) {
    if (word.exchange(0) == 2) futex::wake(address(word), 1);
}

}  // namespace

TEST_CASE("two threads hand a token to and fro, and no wake-up is lost") {
    constexpr int rounds = 20'000;
    Word turn = 0;
    long handed = 0;  // plain: the token protects it
    run_all(2, [&](int number) {
        auto self = static_cast<std::uint32_t>(number);
        for (int i = 0; i < rounds; ++i) {
            while (turn.load() != self) (void)futex::wait(address(turn), 1 - self, thread::Deadline::never());
            ++handed;
            turn.store(1 - self);
            futex::wake(address(turn), 1);
        }
    });
    CHECK(handed == 2 * rounds);
}

TEST_CASE("a lock made of a futex holds among threads of which some give up") {
    Word word = 0;
    long count = 0;
    std::atomic<long> sum = 0;
    run_all(4, [&](int number) {
        for (int i = 0; i < 3000; ++i) {
            // Some wait for a word that nobody wakes, and come back by time, while others are woken on it.
            if (number == 3 && i % 16 == 0) {
                auto waited = futex::wait(address(word), 2, thread::Deadline::after_ns(1000));
                CHECK((waited.ok() || waited.error() == Errno::etimedout || waited.error() == Errno::eagain));
                if (waited.ok()) futex::wake(address(word), 1);  // it was somebody else's
            }
            lock(word);
            ++count;
            unlock(word);
            sum.fetch_add(1);
        }
    });
    CHECK(count == sum.load());
}

TEST_CASE("waiters that are moved to another word while they come and go are all woken in the end") {
    Word from = 0, to = 0;
    std::atomic<int> done = 0;
    constexpr int waiters = 4;
    run_all(waiters + 2, [&](int number) {
        if (number < waiters) {
            for (int i = 0; i < 300; ++i) {
                auto deadline = i % 3 == 0 ? thread::Deadline::after_ns(20'000) : thread::Deadline::never();
                (void)futex::wait(address(number % 2 == 0 ? from : to), 0, deadline);
            }
            done.fetch_add(1);
            return;
        }
        const std::uint32_t zero = 0;
        while (done.load() != waiters) {
            if (number == waiters) {
                (void)futex::requeue(address(from), address(to), 1, 10, &zero);
            } else {
                futex::wake(address(to), 10);
                (void)futex::requeue(address(to), address(from), 0, 1, nullptr);
                futex::wake(address(from), 2);
            }
            std::this_thread::yield();
        }
    });
    CHECK(done.load() == waiters);
}

TEST_CASE("a mutex whose holder may sleep keeps all others out") {
    thread::Mutex mutex;
    long count = 0;
    run_all(4, [&](int) {
        for (int i = 0; i < 3000; ++i) {
            Guard guard(mutex);
            ++count;
            if (i % 64 == 0) std::this_thread::yield();
        }
    });
    CHECK(count == 4 * 3000);
}
