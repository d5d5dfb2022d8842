// SPDX-License-Identifier: Apache-2.0
// Everything at once for a second: allocation, mappings, exceptions, pipes, locks, vectors and clocks in ten threads,
// while a timer signal every millisecond interrupts whoever runs.
#include <emmintrin.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

std::atomic<bool> stop = false;
std::atomic<long> signals = 0;

void on_tick(int) {
    const int kept = errno;
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    ++signals;
    errno = kept;
}

void throw_and_catch() {
    for (long i = 0; !stop; ++i) {
        try {
            const std::string text = std::to_string(i);
            if (i % 2 == 0) throw std::runtime_error(text);
            throw i;
        } catch (const std::runtime_error& error) {
            check_equal(std::stol(error.what()), i);
        } catch (long caught) {
            check_equal(caught, i);
        }
    }
}

void allocate(unsigned seed) {
    std::mt19937 random(seed);
    std::map<unsigned, std::vector<unsigned>> kept;
    while (!stop) {
        const unsigned key = static_cast<unsigned>(random() % 200);
        auto& values = kept[key];
        for (const unsigned value : values) check_equal(value, key);
        values.assign(random() % 3000, key);
        if (random() % 10 == 0) kept.clear();
    }
}

void map_memory() {
    constexpr std::size_t page = 4096, size = 64 * page;
    while (!stop) {
        void* raw = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(raw != MAP_FAILED);
        auto* bytes = static_cast<volatile unsigned char*>(raw);
        for (std::size_t at = 0; at < size; at += page) {
            check_equal(bytes[at], 0);
            bytes[at] = static_cast<unsigned char>(at / page);
        }
        check_equal(mprotect(raw, size / 2, PROT_READ), 0);
        for (std::size_t at = 0; at < size; at += page) check_equal(bytes[at], at / page);
        check_equal(munmap(raw, size), 0);
    }
}

// Never blocks for long, so that it sees `stop`.
void pass_through_pipes() {
    int ends[2];
    check_equal(pipe(ends), 0);
    std::thread reader([in = ends[0]] {
        std::uint64_t expected = 0;
        for (std::uint64_t value = 0; read(in, &value, sizeof value) > 0; ++expected) check_equal(value, expected);
        close(in);
    });
    for (std::uint64_t value = 0; !stop; ++value) {
        check_equal(write(ends[1], &value, sizeof value), static_cast<ssize_t>(sizeof value));
    }
    close(ends[1]);
    reader.join();
}

struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    long turn = 0;
};

void take_turns(Shared& shared, long mine) {
    for (;;) {
        std::unique_lock lock(shared.mutex);
        shared.changed.wait_for(lock, std::chrono::milliseconds(5), [&] { return shared.turn % 2 == mine || stop; });
        if (stop) return;
        if (shared.turn % 2 == mine) ++shared.turn;
        shared.changed.notify_all();
    }
}

void hold_vectors() {
    __m128i sum = _mm_setzero_si128();
    const __m128i one = _mm_set1_epi64x(1);
    std::uint64_t rounds = 0;
    for (; !stop; ++rounds) {
        sum = _mm_add_epi64(sum, one);
        asm volatile("" : "+x"(sum));
    }
    alignas(16) std::uint64_t out[2];
    _mm_store_si128(reinterpret_cast<__m128i*>(out), sum);
    check(out[0] == rounds && out[1] == rounds);
}

void watch_clocks() {
    auto last = std::chrono::steady_clock::now();
    while (!stop) {
        const auto now = std::chrono::steady_clock::now();
        check(now >= last);
        last = now;
        check(poll(nullptr, 0, 1) == 0 || errno == EINTR);
    }
}

}  // namespace

int main() {
    struct sigaction action {};
    action.sa_flags = SA_RESTART;
    action.sa_handler = on_tick;
    check_equal(sigaction(SIGALRM, &action, nullptr), 0);
    const itimerval every{{0, 1000}, {0, 1000}};
    check_equal(setitimer(ITIMER_REAL, &every, nullptr), 0);

    Shared shared;
    std::vector<std::thread> threads;
    threads.emplace_back(throw_and_catch);
    threads.emplace_back(allocate, 1u);
    threads.emplace_back(allocate, 2u);
    threads.emplace_back(map_memory);
    threads.emplace_back(map_memory);
    threads.emplace_back(pass_through_pipes);
    threads.emplace_back(take_turns, std::ref(shared), 0);
    threads.emplace_back(take_turns, std::ref(shared), 1);
    threads.emplace_back(hold_vectors);
    threads.emplace_back(watch_clocks);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (std::chrono::steady_clock::now() < end) std::this_thread::sleep_until(end);
    stop = true;
    for (auto& thread : threads) thread.join();
    const itimerval off{};
    setitimer(ITIMER_REAL, &off, nullptr);
    std::fprintf(stderr, "%ld signals, %ld turns\n", signals.load(), shared.turn);
    // On one CPU a turn waits for a time slice of each busy thread, so a second has some dozen turns at most.
    check(signals > 20 && shared.turn > 3);
    passed("a second of everything");
}
