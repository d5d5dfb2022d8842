// SPDX-License-Identifier: Apache-2.0
// 200 threads alive at the same time, and 1000 one after the other.
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

int main() {
    std::mutex mutex;
    std::condition_variable all_here, go;
    int here = 0;
    bool released = false;
    std::vector<std::thread> threads;
    for (int t = 0; t < 200; ++t) {
        threads.emplace_back([&] {
            std::unique_lock lock(mutex);
            if (++here == 200) all_here.notify_one();
            go.wait(lock, [&] { return released; });
            --here;
        });
    }
    {
        std::unique_lock lock(mutex);
        all_here.wait(lock, [&] { return here == 200; });
        released = true;
    }
    go.notify_all();
    for (auto& thread : threads) thread.join();
    check_equal(here, 0);
    passed("200 at once");

    int sum = 0;
    for (int t = 0; t < 1000; ++t) std::thread([&] { ++sum; }).join();
    check_equal(sum, 1000);
    passed("1000 in a row");
}
