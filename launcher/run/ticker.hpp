// SPDX-License-Identifier: Apache-2.0
// Time slices and timers for a vCPU that runs without ever exiting.
//
// It lives on the event loop's thread, so that a guest which wants no ticks is not disturbed, and parks while the vCPU
// waits. The vCPU's thread starts it only once the guest has run for a whole slice: a short run never pays for it.
#pragma once

#include <atomic>
#include <cstdint>

#include "launcher/event/event_loop.hpp"
#include "launcher/run/vcpu_control.hpp"

namespace husk::run {

inline constexpr std::uint64_t slice_ns = 4'000'000;

// Attention that was set while the vCPU was in the runtime's text may have come just after the runtime looked.
inline constexpr std::uint64_t attention_retry_ns = 1'000'000;

class Ticker final {
public:
    // All live longer than the loop's thread. tsc_offset: guest TSC - host TSC.
    Ticker(event::EventLoop& loop, VcpuControl& control, std::uint64_t tsc_hz, std::int64_t tsc_offset)
        : loop_(loop), control_(control), tsc_hz_(tsc_hz), tsc_offset_(tsc_offset) {}

    // The vCPU's thread, after a wait: it goes back to the guest.
    void ensure_running() {
        if (parked_.load() && parked_.exchange(false)) schedule(slice_ns);
    }

    // The vCPU's thread: attention could not be delivered. It is kicked again soon, until the guest has taken it.
    void retry_attention();

private:
    void schedule(std::uint64_t delay_ns);
    void on_tick();
    void on_retry();
    [[nodiscard]] std::uint64_t next_delay_ns(std::uint64_t guest_tsc) const;

    event::EventLoop& loop_;
    VcpuControl& control_;
    const std::uint64_t tsc_hz_;
    const std::int64_t tsc_offset_;
    std::atomic<bool> parked_ = true;
    std::atomic<bool> retry_is_due_ = false;
};

}  // namespace husk::run
