// SPDX-License-Identifier: Apache-2.0
// Measures threads and memory from inside, as a Linux process or as a VM, and prints JSON. Rates are per second.
//
//   smp_inside threads                 parallel work on 2 threads, a mutex handed over, malloc and free on 2 threads
//   smp_inside memory MIB huge|small   random reads over so much memory, natively on huge pages or 4 KiB ones
//   smp_inside end                     starts a second thread, so that a second vCPU is needed, and ends
//   smp_inside idle                    says "idle" and waits for the end of its input
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int threads = 2;
constexpr int rounds = 5;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::uint64_t next_random(std::uint64_t& state) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

// Times per second that both threads together can do `body`, which is given a seed; the median of some rounds.
template <class Body>
double parallel_rate(int turns, Body body) {
    std::vector<double> rates;
    for (int round = 0; round < rounds; ++round) {
        std::atomic<int> ready = 0;
        std::vector<std::thread> workers;
        const auto begin = Clock::now();
        for (int i = 0; i < threads; ++i) {
            workers.emplace_back([&, i] {
                ++ready;
                while (ready.load() < threads) {
                }
                for (int turn = 0; turn < turns; ++turn) body(static_cast<std::uint64_t>(i * turns + turn + 1));
            });
        }
        for (std::thread& worker : workers) worker.join();
        rates.push_back(threads * turns / seconds_since(begin));
    }
    std::ranges::nth_element(rates, rates.begin() + rounds / 2);
    return rates[rounds / 2];
}

std::atomic<std::uint64_t> sink;  // so that nothing is left out

void multiply(std::uint64_t seed) {
    constexpr std::size_t n = 192;
    std::vector<double> a(n * n), b(n * n), c(n * n);
    for (double& value : a) value = static_cast<double>(next_random(seed) % 100);
    for (double& value : b) value = static_cast<double>(next_random(seed) % 100);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < n; ++k) {
            for (std::size_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
        }
    }
    sink += static_cast<std::uint64_t>(c[seed % c.size()]);
}

void sort(std::uint64_t seed) {
    std::vector<std::uint64_t> values(100'000);
    for (std::uint64_t& value : values) value = next_random(seed);
    std::ranges::sort(values);
    sink += values[values.size() / 2];
}

void fill_map(std::uint64_t seed) {
    std::unordered_map<std::uint64_t, std::uint64_t> map;
    for (int i = 0; i < 30'000; ++i) map[next_random(seed) % 20'000] += seed;
    sink += map.size();
}

void allocate(std::uint64_t seed) {
    std::vector<char*> blocks(256, nullptr);
    for (int i = 0; i < 20'000; ++i) {
        char*& block = blocks[next_random(seed) % blocks.size()];
        std::free(block);
        block = static_cast<char*>(std::malloc(16 + next_random(seed) % 2000));
        block[0] = 1;
    }
    for (char* block : blocks) std::free(block);
}

// Two threads take turns: each sleeps until the mutex is handed to it.
double hand_over_rate() {
    constexpr int turns = 50'000;
    std::mutex mutex;
    std::condition_variable changed;
    int turn = 0;
    const auto take_turns = [&](int mine) {
        for (int i = 0; i < turns; ++i) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return turn % 2 == mine; });
            ++turn;
            changed.notify_one();
        }
    };
    const auto begin = Clock::now();
    std::thread other(take_turns, 1);
    take_turns(0);
    other.join();
    return 2 * turns / seconds_since(begin);
}

double random_read_rate(std::size_t size_bytes, bool huge) {
    void* const mapped = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) std::exit(2);
    madvise(mapped, size_bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    std::memset(mapped, 1, size_bytes);
    const auto* const words = static_cast<const volatile std::uint64_t*>(mapped);
    const std::uint64_t count = size_bytes / sizeof(std::uint64_t);
    constexpr int reads = 5'000'000;
    std::uint64_t seed = 42;
    const auto begin = Clock::now();
    // Each address depends on what was read before it.
    for (int i = 0; i < reads; ++i) seed ^= words[next_random(seed) % count];
    sink += seed;
    return reads / seconds_since(begin);
}

void measure_threads() {
    const double matrix = parallel_rate(20, multiply);
    const double sorted = parallel_rate(10, sort);
    const double map = parallel_rate(40, fill_map);
    const double blocks = parallel_rate(20, allocate);
    std::printf(R"({"matrix": %f, "sort": %f, "map": %f, "malloc": %f, "hand_over": %f, "cpus": %u})"
                "\n",
                matrix, sorted, map, 20'000 * blocks, hand_over_rate(), std::thread::hardware_concurrency());
}

}  // namespace

int main(int count, char** words) {
    const std::string_view mode = count > 1 ? words[1] : "";
    if (mode == "threads") {
        measure_threads();
    } else if (mode == "memory" && count == 4) {
        const std::size_t size_bytes = static_cast<std::size_t>(std::atoi(words[2])) << 20;
        std::printf("{\"random_read\": %f}\n", random_read_rate(size_bytes, std::strcmp(words[3], "huge") == 0));
    } else if (mode == "end") {
        std::thread([] { sink += 1; }).join();
    } else if (mode == "idle") {
        std::puts("idle");
        std::fflush(stdout);
        char byte = 0;
        while (read(STDIN_FILENO, &byte, 1) > 0) {
        }
    } else {
        std::fputs("usage: smp_inside threads|memory MIB huge|small|end|idle\n", stderr);
        return 1;
    }
    return 0;
}
