// SPDX-License-Identifier: Apache-2.0
// thread_local variables: one per thread, built on first use, destroyed when their thread ends.
#include <pthread.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

std::atomic<int> built = 0, destroyed = 0, key_destroyed = 0;

struct Counted {
    std::string text = "fresh";
    Counted() { ++built; }
    Counted(const Counted&) = delete;
    ~Counted() {
        check(text != "fresh");
        ++destroyed;
    }
};

thread_local Counted counted;
thread_local int plain = 5;
alignas(64) thread_local char aligned[256] = {1};

void one_thread(int number) {
    check_equal(counted.text, "fresh");
    counted.text = std::to_string(number);
    check_equal(plain, 5);
    plain = number;
    check_equal(reinterpret_cast<unsigned long>(aligned) % 64, 0ul);
    check(aligned[0] == 1 && aligned[255] == 0);
    aligned[255] = 1;
    std::this_thread::yield();
    check_equal(counted.text, std::to_string(number));
    check_equal(plain, number);
}

void per_thread() {
    std::vector<std::thread> threads;
    for (int t = 0; t < 20; ++t) threads.emplace_back(one_thread, t);
    for (auto& thread : threads) thread.join();
    check_equal(built.load(), 20);
    check_equal(destroyed.load(), 20);
}

void keys() {
    pthread_key_t key{};
    check_equal(pthread_key_create(&key, [](void* value) { key_destroyed += *static_cast<int*>(value); }), 0);
    static int three = 3;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([key] {
            check(pthread_getspecific(key) == nullptr);
            pthread_setspecific(key, &three);
        });
    }
    for (auto& thread : threads) thread.join();
    check_equal(key_destroyed.load(), 12);
    pthread_key_delete(key);
}

}  // namespace

int main() {
    per_thread();
    passed("thread_local with destructors");
    keys();
    passed("pthread keys");
}
