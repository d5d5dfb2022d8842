// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/clock.hpp"

#include <atomic>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/thread/clock_source.hpp"

namespace husk::thread {

namespace {

constinit std::uint64_t boot_tsc = 0;
constinit std::uint64_t ns_per_tick_q32 = 1ull << 32;  // fixed point, 32 fraction bits
constinit std::uint64_t ticks_per_ns_q32 = 1ull << 32;
constinit std::atomic<std::int64_t> realtime_offset_ns = 0;
enum class Reading : std::uint8_t {
    alone,    // by the only vCPU
    ordered,  // all vCPUs have one counter
    clamped,  // they may differ
};
constinit std::atomic<Reading> reading = Reading::alone;
constinit std::atomic<std::uint64_t> latest_ns = 0;  // while clamped

constexpr std::uint64_t longest_ns = 1ull << 60;  // 36 years: its ticks fit 64 bits

constexpr std::uint64_t multiply_q32(std::uint64_t value, std::uint64_t factor) {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(value) * factor >> 32);
}

}  // namespace

void initialise_clock(std::uint64_t tsc_hz, std::uint64_t tsc_now, std::int64_t realtime_now_ns) {
    constexpr std::uint64_t ns_per_second = 1'000'000'000;
    boot_tsc = tsc_now;
    ns_per_tick_q32 = static_cast<std::uint64_t>((static_cast<unsigned __int128>(ns_per_second) << 32) / tsc_hz);
    ticks_per_ns_q32 = static_cast<std::uint64_t>((static_cast<unsigned __int128>(tsc_hz) << 32) / ns_per_second);
    realtime_offset_ns = realtime_now_ns;
}

std::uint64_t tsc_at(Deadline deadline) {
    if (deadline.ns > longest_ns) return UINT64_MAX;
    std::uint64_t ticks = multiply_q32(deadline.ns, ticks_per_ns_q32);
    // Both factors are rounded down, which makes 30 us a day: what is missing goes the same way, and a tick for each
    // step.
    ticks += multiply_q32(deadline.ns - multiply_q32(ticks, ns_per_tick_q32), ticks_per_ns_q32) + 2;
    return ticks > UINT64_MAX - boot_tsc ? UINT64_MAX : boot_tsc + ticks;
}

std::uint64_t monotonic_ns() {
    const Reading how = reading.load(std::memory_order_relaxed);
    std::uint64_t now = how == Reading::ordered ? arch::read_tsc_in_order() : arch::read_tsc();
    // Another vCPU's counter may lag behind the one that booted by a few ticks.
    std::uint64_t ns = now > boot_tsc ? multiply_q32(now - boot_tsc, ns_per_tick_q32) : 0;
    if (how != Reading::clamped) return ns;
    std::uint64_t latest = latest_ns.load(std::memory_order_acquire);
    while (latest < ns && !latest_ns.compare_exchange_weak(latest, ns, std::memory_order_acq_rel)) {
    }
    return ns > latest ? ns : latest;
}

void share_clock() {
    if (reading.load(std::memory_order_relaxed) != Reading::alone) return;
    latest_ns.store(monotonic_ns(), std::memory_order_relaxed);
    reading.store(Reading::clamped, std::memory_order_seq_cst);
}

void trust_all_counters() { reading.store(Reading::ordered, std::memory_order_seq_cst); }

std::int64_t realtime_ns() {
    return realtime_offset_ns.load(std::memory_order_relaxed) + static_cast<std::int64_t>(monotonic_ns());
}

void set_realtime_ns(std::int64_t now_ns) {
    realtime_offset_ns.store(now_ns - static_cast<std::int64_t>(monotonic_ns()), std::memory_order_relaxed);
}

}  // namespace husk::thread
