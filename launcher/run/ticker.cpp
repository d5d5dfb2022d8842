// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/ticker.hpp"

#include <algorithm>
#include <chrono>

#include <x86intrin.h>

namespace husk::run {

void Ticker::schedule(std::uint64_t delay_ns) {
    loop_.call_after(std::chrono::nanoseconds(delay_ns), [this] { on_tick(); });
}

void Ticker::on_tick() {
    if (control_.state() == VcpuState::waiting) {
        parked_.store(true);
        // It may have gone on between the two lines, and have found the ticker running still.
        if (control_.state() == VcpuState::waiting || !parked_.exchange(false)) return;
    }
    const std::uint64_t guest_tsc = __rdtsc() + static_cast<std::uint64_t>(tsc_offset_);
    if (control_.wants_tick(guest_tsc)) {
        control_.raise(abi::attention::tick);
    } else if (control_.attention() != 0 && control_.state() == VcpuState::guest) {
        control_.kick();  // raised lazily, and not taken for a whole slice
    }
    schedule(next_delay_ns(guest_tsc));
}

void Ticker::retry_attention() {
    if (retry_is_due_.exchange(true)) return;
    loop_.call_after(std::chrono::nanoseconds(attention_retry_ns), [this] { on_retry(); });
}

void Ticker::on_retry() {
    retry_is_due_.store(false);
    // The vCPU comes out, and asks for the next try if it is still in the runtime.
    if (control_.attention() != 0 && control_.state() == VcpuState::guest) control_.kick();
}

std::uint64_t Ticker::next_delay_ns(std::uint64_t guest_tsc) const {
    const std::uint64_t deadline_tsc = control_.timer_deadline_tsc();
    if (deadline_tsc <= guest_tsc) return slice_ns;
    const std::uint64_t left_tsc = deadline_tsc - guest_tsc;
    const std::uint64_t slice_tsc = tsc_hz_ / 1'000'000 * (slice_ns / 1000);
    if (left_tsc >= slice_tsc) return slice_ns;
    return std::max<std::uint64_t>(left_tsc * 1'000'000 / (tsc_hz_ / 1000), 1);
}

}  // namespace husk::run
