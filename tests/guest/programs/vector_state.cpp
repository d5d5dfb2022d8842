// SPDX-License-Identifier: Apache-2.0
// Vector registers survive context switches, pre-emption and signals: AVX-512, AVX2 or SSE as the CPU has them.
#include <immintrin.h>
#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

std::atomic<bool> stop = false;
constexpr std::uint64_t rounds_min = 200'000;

// Each keeps its own values in vector registers over many rounds in which nothing touches memory.
[[gnu::target("avx512f,avx512bw")]] void hold_avx512(std::uint64_t id) {
    const __m512i one = _mm512_set1_epi64(1);
    __m512i a = _mm512_set1_epi64(static_cast<long long>(id << 32));
    __m512i b = _mm512_set1_epi64(static_cast<long long>(~id));
    __mmask64 mask = 0x5555'5555'5555'5555ull ^ id;
    std::uint64_t rounds = 0;
    for (; !stop || rounds < rounds_min; ++rounds) {
        a = _mm512_add_epi64(a, one);
        b = _mm512_sub_epi64(b, one);
        asm volatile("" : "+v"(a), "+v"(b), "+k"(mask));
    }
    alignas(64) std::uint64_t out[16];
    _mm512_store_si512(out, a);
    _mm512_store_si512(out + 8, b);
    for (int i = 0; i < 8; ++i) check(out[i] == (id << 32) + rounds && out[8 + i] == ~id - rounds);
    check(mask == (0x5555'5555'5555'5555ull ^ id));
}

[[gnu::target("avx2")]] void hold_avx2(std::uint64_t id) {
    const __m256i one = _mm256_set1_epi64x(1);
    __m256i a = _mm256_set1_epi64x(static_cast<long long>(id << 32));
    __m256i b = _mm256_set1_epi64x(static_cast<long long>(~id));
    std::uint64_t rounds = 0;
    for (; !stop || rounds < rounds_min; ++rounds) {
        a = _mm256_add_epi64(a, one);
        b = _mm256_sub_epi64(b, one);
        asm volatile("" : "+x"(a), "+x"(b));
    }
    alignas(32) std::uint64_t out[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(out), a);
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + 4), b);
    for (int i = 0; i < 4; ++i) check(out[i] == (id << 32) + rounds && out[4 + i] == ~id - rounds);
}

void hold_sse(std::uint64_t id) {
    const __m128i one = _mm_set1_epi64x(1);
    __m128i a = _mm_set1_epi64x(static_cast<long long>(id << 32));
    const unsigned control = _mm_getcsr();
    _mm_setcsr(control | (id % 4) << 13);  // rounding mode is per thread
    std::uint64_t rounds = 0;
    for (; !stop || rounds < rounds_min; ++rounds) {
        a = _mm_add_epi64(a, one);
        asm volatile("" : "+x"(a));
    }
    check((_mm_getcsr() >> 13 & 3) == id % 4);
    _mm_setcsr(control);
    alignas(16) std::uint64_t out[2];
    _mm_store_si128(reinterpret_cast<__m128i*>(out), a);
    check(out[0] == (id << 32) + rounds && out[1] == out[0]);
}

void hold_x87(std::uint64_t id) {
    long double value = static_cast<long double>(id) / 3;
    const long double expected = value;
    for (std::uint64_t rounds = 0; !stop || rounds < rounds_min; ++rounds) asm volatile("fxch %%st(0)" : "+t"(value));
    check(value == expected);
}

using Hold = void (*)(std::uint64_t);

void in_threads(const std::vector<Hold>& holds) {
    stop = false;
    std::vector<std::thread> threads;
    for (std::uint64_t id = 1; id <= 6; ++id) threads.emplace_back(holds[id % holds.size()], id);
    for (int i = 0; i < 20; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop = true;
    for (auto& thread : threads) thread.join();
}

void under_signals(const std::vector<Hold>& holds) {
    stop = false;
    static volatile sig_atomic_t ticks = 0;
    signal(SIGALRM, [](int) {
        // Clobbers what the interrupted code holds, if the frame did not save it.
        alignas(64) unsigned char noise[512];
        std::memset(noise, static_cast<int>(ticks), sizeof noise);
        asm volatile("pcmpeqd %%xmm0, %%xmm0\n pcmpeqd %%xmm1, %%xmm1" : : "m"(noise) : "xmm0", "xmm1");
        ticks = ticks + 1;
        if (ticks % 10 == 0) stop = true;
    });
    const itimerval every{{0, 2000}, {0, 2000}};
    check_equal(setitimer(ITIMER_REAL, &every, nullptr), 0);
    for (const Hold hold : holds) {
        stop = false;
        hold(9);
    }
    const itimerval off{};
    check_equal(setitimer(ITIMER_REAL, &off, nullptr), 0);
}

}  // namespace

int main() {
    std::vector<Hold> holds{hold_sse, hold_x87};
    if (__builtin_cpu_supports("avx2")) holds.push_back(hold_avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) holds.push_back(hold_avx512);
    std::fprintf(stderr, "%zu kinds of vector code\n", holds.size());
    in_threads(holds);
    passed("across context switches");
    under_signals(holds);
    passed("across signals");
}
