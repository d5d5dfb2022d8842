// SPDX-License-Identifier: Apache-2.0
// Spends its time in known shares for a profiler: 70 % of a thread's in one function, 30 % in another, neither of which
// leaves a frame pointer. argv[1]: rounds; it prints "done" and how long it took.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <pthread.h>
#include <unistd.h>

namespace {

[[gnu::noinline]] std::uint64_t mix(std::uint64_t value, unsigned times) {
    for (unsigned i = 0; i < times; ++i) value = value * 6364136223846793005ull + (value >> 17);
    return value;
}

[[gnu::noinline]] std::uint64_t seven_tenths(std::uint64_t value) { return mix(value, 70'000) + 1; }
[[gnu::noinline]] std::uint64_t three_tenths(std::uint64_t value) { return mix(value, 30'000) + 2; }

[[gnu::noinline]] std::uint64_t work(unsigned rounds) {
    std::uint64_t value = 1;
    for (unsigned i = 0; i < rounds; ++i) value = three_tenths(seven_tenths(value));
    return value;
}

}  // namespace

int main(int count, char** words) {
    const unsigned rounds = count > 1 ? static_cast<unsigned>(std::atoi(words[1])) : 1000;
    const auto begin = std::chrono::steady_clock::now();
    std::uint64_t value = work(rounds);
    std::thread other([&] {
        pthread_setname_np(pthread_self(), "helper");
        value += work(rounds / 2);
        usleep(200'000);  // idle, which counts for nobody
    });
    other.join();
    const auto took = std::chrono::steady_clock::now() - begin;
    std::printf("done %d %lld ms\n", value != 0,
                static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
    return 0;
}
