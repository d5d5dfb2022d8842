// SPDX-License-Identifier: Apache-2.0
// A thread that never gives up its CPU must not keep another from running, whether that one is ready or sleeps.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

int main() {
    std::atomic<bool> stop = false;
    std::thread stopper([&] {
        std::this_thread::sleep_for(30ms);
        stop = true;
    });
    while (!stop) {
    }
    stopper.join();
    passed("a sleeper wakes beside a spinner");

    std::atomic<int> turn = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&, t] {
            for (int round = 0; round < 5; ++round) {
                while (turn != round * 3 + t) {
                }
                ++turn;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    check_equal(turn.load(), 15);
    passed("spinners take turns");
}
