// SPDX-License-Identifier: Apache-2.0
// How long a thread has had a vCPU, in one word, so that another vCPU reads it whole at any moment of a switch.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/thread/clock.hpp"

namespace husk::thread {

// The vCPU that switches calls start() and stop(), anyone read_ns().
class CpuMeter {
public:
    void start() { set(monotonic_ns(), runs); }
    void stop() { set(monotonic_ns(), 0); }
    // Never less than before: who switches reads the clock a moment before it says so here.
    [[nodiscard]] std::uint64_t read_ns() const {
        std::uint64_t word = word_.load(std::memory_order_acquire);
        std::uint64_t ns = (word & runs) == 0 ? word : (monotonic_ns() - word) & ~runs;
        std::uint64_t latest = latest_ns_.load(std::memory_order_acquire);
        while (latest < ns && !latest_ns_.compare_exchange_weak(latest, ns, std::memory_order_acq_rel)) {
        }
        return ns > latest ? ns : latest;
    }

private:
    // Stopped: the time that was used. With this bit: when the thread would have begun had it never stopped.
    static constexpr std::uint64_t runs = 1ull << 63;

    // Each is the present time less the other.
    void set(std::uint64_t now_ns, std::uint64_t bit) {
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        word_.store(((now_ns - word) & ~runs) | bit, std::memory_order_release);
    }

    std::atomic<std::uint64_t> word_ = 0;
    mutable std::atomic<std::uint64_t> latest_ns_ = 0;  // that anyone has read
};

}  // namespace husk::thread
