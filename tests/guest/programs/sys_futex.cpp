// SPDX-License-Identifier: Apache-2.0
// futex: wait, wake, requeue, bitset, time-outs, wake-op; and the robust list at a thread's end.
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

using Word = std::atomic<std::uint32_t>;

long futex(Word* word, int operation, std::uint32_t value, const void* timeout_or_value2 = nullptr,
           Word* word2 = nullptr, std::uint32_t value3 = 0) {
    return syscall(SYS_futex, word, operation, value, timeout_or_value2, word2, value3);
}

const void* count(std::uint64_t value2) { return reinterpret_cast<const void*>(value2); }

// Threads that count up `sleeping` just before they wait; a moment later they do.
struct Sleepers {
    std::atomic<int> sleeping = 0, awake = 0;
    std::vector<std::jthread> threads;

    template <class Wait>
    void add(int number, Wait wait) {
        const int before = sleeping;
        for (int t = 0; t < number; ++t) {
            threads.emplace_back([this, wait] {
                ++sleeping;
                wait();
                ++awake;
            });
        }
        while (sleeping < before + number) std::this_thread::yield();
        std::this_thread::sleep_for(30ms);
    }
    void expect_awake(int number) {
        for (int i = 0; i < 2000 && awake < number; ++i) std::this_thread::sleep_for(1ms);
        std::this_thread::sleep_for(5ms);
        check_equal(awake.load(), number);
    }
};

void wait_and_wake() {
    Word word = 1;
    check_fails(futex(&word, FUTEX_WAIT_PRIVATE, 2), EAGAIN);
    check_equal(futex(&word, FUTEX_WAKE_PRIVATE, 10), 0);
    Sleepers sleepers;
    sleepers.add(4, [&] { check_equal(futex(&word, FUTEX_WAIT_PRIVATE, 1), 0); });
    check_equal(futex(&word, FUTEX_WAKE_PRIVATE, 1), 1);
    sleepers.expect_awake(1);
    check_equal(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX), 3);
    sleepers.expect_awake(4);
    check_fails(futex(reinterpret_cast<Word*>(reinterpret_cast<char*>(&word) + 1), FUTEX_WAIT, 1), EINVAL);
    check_fails(futex(&word, 77, 1), ENOSYS);
}

void time_outs() {
    Word word = 0;
    const timespec relative{0, 20'000'000};
    const auto begin = std::chrono::steady_clock::now();
    check_fails(futex(&word, FUTEX_WAIT_PRIVATE, 0, &relative), ETIMEDOUT);
    check(std::chrono::steady_clock::now() - begin >= 20ms);

    timespec absolute{};
    clock_gettime(CLOCK_MONOTONIC, &absolute);
    check_fails(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &absolute, nullptr, FUTEX_BITSET_MATCH_ANY), ETIMEDOUT);
    absolute.tv_nsec += 20'000'000;
    if (absolute.tv_nsec >= 1'000'000'000) absolute.tv_sec++, absolute.tv_nsec -= 1'000'000'000;
    check_fails(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &absolute, nullptr, FUTEX_BITSET_MATCH_ANY), ETIMEDOUT);
    timespec woken{};
    clock_gettime(CLOCK_MONOTONIC, &woken);
    check(std::pair(woken.tv_sec, woken.tv_nsec) >= std::pair(absolute.tv_sec, absolute.tv_nsec));

    clock_gettime(CLOCK_REALTIME, &absolute);
    check_fails(
        futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &absolute, nullptr, FUTEX_BITSET_MATCH_ANY),
        ETIMEDOUT);
    const timespec bad{0, 1'000'000'000};
    check_fails(futex(&word, FUTEX_WAIT_PRIVATE, 0, &bad), EINVAL);
}

void bitsets() {
    Word word = 0;
    Sleepers sleepers;
    sleepers.add(2, [&] { check_equal(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, nullptr, nullptr, 1), 0); });
    sleepers.add(2, [&] { check_equal(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, nullptr, nullptr, 6), 0); });
    check_equal(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, nullptr, nullptr, 8), 0);
    check_equal(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, nullptr, nullptr, 2), 2);
    sleepers.expect_awake(2);
    check_equal(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, nullptr, nullptr, FUTEX_BITSET_MATCH_ANY), 2);
    sleepers.expect_awake(4);
    check_fails(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, nullptr, nullptr, 0), EINVAL);
}

void requeues() {
    Word from = 0, to = 0;
    Sleepers sleepers;
    sleepers.add(5, [&] { check_equal(futex(&from, FUTEX_WAIT_PRIVATE, 0), 0); });
    check_fails(futex(&from, FUTEX_CMP_REQUEUE_PRIVATE, 1, count(10), &to, 1), EAGAIN);
    check_equal(futex(&from, FUTEX_CMP_REQUEUE_PRIVATE, 1, count(3), &to, 0), 4);
    sleepers.expect_awake(1);
    check_equal(futex(&to, FUTEX_WAKE_PRIVATE, INT_MAX), 3);
    sleepers.expect_awake(4);
    check_equal(futex(&from, FUTEX_REQUEUE_PRIVATE, 0, count(1), &to), 1);
    check_equal(futex(&to, FUTEX_WAKE_PRIVATE, 1), 1);
    sleepers.expect_awake(5);
}

void wakes_with_operation() {
    Word first = 0, second = 5;
    Sleepers sleepers;
    sleepers.add(1, [&] { check_equal(futex(&first, FUTEX_WAIT_PRIVATE, 0), 0); });
    sleepers.add(1, [&] { check_equal(futex(&second, FUTEX_WAIT_PRIVATE, 5), 0); });
    const auto operation = static_cast<std::uint32_t>(FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5));
    check_equal(futex(&first, FUTEX_WAKE_OP_PRIVATE, 1, count(1), &second, operation), 2);
    check_equal(second.load(), 8u);
    sleepers.expect_awake(2);
}

void robust_mutexes() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    check_equal(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
    pthread_mutex_t mutex;
    check_equal(pthread_mutex_init(&mutex, &attributes), 0);
    std::thread([&] { check_equal(pthread_mutex_lock(&mutex), 0); }).join();  // ends while it holds the lock
    check_equal(pthread_mutex_lock(&mutex), EOWNERDEAD);
    check_equal(pthread_mutex_consistent(&mutex), 0);
    pthread_mutex_unlock(&mutex);
    check_equal(pthread_mutex_lock(&mutex), 0);

    // An owner that ends while another waits.
    pthread_mutex_t second;
    check_equal(pthread_mutex_init(&second, &attributes), 0);
    std::atomic<bool> locked = false;
    std::thread dying([&] {
        pthread_mutex_lock(&second);
        locked = true;
        std::this_thread::sleep_for(30ms);
    });
    while (!locked) std::this_thread::yield();
    check_equal(pthread_mutex_lock(&second), EOWNERDEAD);
    dying.join();
}

}  // namespace

int main() {
    wait_and_wake();
    passed("wait and wake");
    time_outs();
    passed("time-outs");
    bitsets();
    passed("bitset");
    requeues();
    passed("requeue");
    wakes_with_operation();
    passed("wake-op");
    robust_mutexes();
    passed("robust list");
}
