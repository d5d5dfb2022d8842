// SPDX-License-Identifier: Apache-2.0
// The standard library's threads and everything they synchronise with.
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <latch>
#include <mutex>
#include <numeric>
#include <semaphore>
#include <shared_mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

void mutex_counts() {
    std::mutex mutex;
    long counter = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 20000; ++i) {
                const std::lock_guard lock(mutex);
                ++counter;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    check_equal(counter, 80000);
}

void condition_variable_queue() {
    std::mutex mutex;
    std::condition_variable ready;
    std::deque<int> queue;
    long sum = 0;
    std::thread consumer([&] {
        for (;;) {
            std::unique_lock lock(mutex);
            ready.wait(lock, [&] { return !queue.empty(); });
            const int value = queue.front();
            queue.pop_front();
            if (value < 0) return;
            sum += value;
        }
    });
    for (int i = 1; i <= 1000; ++i) {
        {
            const std::lock_guard lock(mutex);
            queue.push_back(i == 1000 ? -1 : i);
        }
        ready.notify_one();
    }
    consumer.join();
    check_equal(sum, 999 * 1000 / 2);

    std::unique_lock lock(mutex);
    const auto begin = std::chrono::steady_clock::now();
    check(ready.wait_for(lock, 20ms) == std::cv_status::timeout);
    check(std::chrono::steady_clock::now() - begin >= 20ms);
}

void futures() {
    std::promise<int> promise;
    auto future = promise.get_future();
    std::thread setter([&] { promise.set_value(7); });
    check_equal(future.get(), 7);
    setter.join();

    std::packaged_task<int(int)> task([](int x) { return x * x; });
    auto squared = task.get_future();
    std::thread(std::move(task), 9).join();
    check_equal(squared.get(), 81);

    std::vector<std::future<long>> parts;
    for (long p = 0; p < 8; ++p) {
        parts.push_back(std::async(std::launch::async, [p] {
            std::vector<long> values(1000);
            std::iota(values.begin(), values.end(), p * 1000);
            return std::accumulate(values.begin(), values.end(), 0L);
        }));
    }
    long sum = 0;
    for (auto& part : parts) sum += part.get();
    check_equal(sum, 7999L * 8000 / 2);

    std::promise<void> never;
    check(never.get_future().wait_for(10ms) == std::future_status::timeout);
}

void atomic_wait() {
    std::atomic<int> turn = 0;
    std::thread other([&] {
        for (int i = 0; i < 500; ++i) {
            turn.wait(2 * i);
            turn = 2 * i + 2;
            turn.notify_one();
        }
    });
    for (int i = 0; i < 500; ++i) {
        turn = 2 * i + 1;
        turn.notify_one();
        turn.wait(2 * i + 1);
    }
    other.join();
    check_equal(turn.load(), 1000);
}

void shared_mutex_readers() {
    std::shared_mutex mutex;
    int value = 0;
    std::atomic<bool> done = false;
    std::vector<std::thread> readers;
    for (int r = 0; r < 3; ++r) {
        readers.emplace_back([&] {
            int last = 0;
            while (!done) {
                {
                    const std::shared_lock lock(mutex);
                    check(value >= last && value % 2 == 0);
                    last = value;
                }
                std::this_thread::sleep_for(10us);  // readers without a pause would starve the writer
            }
        });
    }
    for (int i = 0; i < 200; ++i) {
        const std::unique_lock lock(mutex);
        ++value;
        ++value;
    }
    done = true;
    for (auto& reader : readers) reader.join();
    check_equal(value, 400);
}

void cxx20_primitives() {
    std::latch latch(3);
    std::barrier barrier(3);
    std::counting_semaphore<8> semaphore(2);
    std::atomic<int> inside = 0, most = 0, rounds = 0;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            latch.arrive_and_wait();
            for (int i = 0; i < 50; ++i) {
                semaphore.acquire();
                const int now = ++inside;
                int seen = most;
                while (now > seen && !most.compare_exchange_weak(seen, now)) {
                }
                --inside;
                semaphore.release();
                barrier.arrive_and_wait();
                ++rounds;
            }
        });
    }
    threads.clear();
    check(most <= 2);
    check_equal(rounds.load(), 150);
}

void stop_tokens() {
    std::atomic<bool> stopped = false;
    {
        const std::jthread worker([&](const std::stop_token& token) {
            std::mutex mutex;
            std::condition_variable_any wake;
            std::unique_lock lock(mutex);
            check(!wake.wait(lock, token, [] { return false; }));
            stopped = true;
        });
        std::this_thread::sleep_for(5ms);
    }
    check(stopped);
}

void call_once_once() {
    std::once_flag flag;
    std::atomic<int> calls = 0;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 6; ++t) threads.emplace_back([&] { std::call_once(flag, [&] { ++calls; }); });
    threads.clear();
    check_equal(calls.load(), 1);
}

}  // namespace

int main() {
    mutex_counts();
    passed("mutex");
    condition_variable_queue();
    passed("condition_variable");
    futures();
    passed("future");
    atomic_wait();
    passed("atomic wait");
    shared_mutex_readers();
    passed("shared_mutex");
    cxx20_primitives();
    passed("latch, barrier, semaphore");
    stop_tokens();
    passed("jthread and stop_token");
    call_once_once();
    passed("call_once");
}
