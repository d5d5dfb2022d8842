// SPDX-License-Identifier: Apache-2.0
// When a vCPU goes to sleep. Threads of devices wait for it, where they have no CPU of their own.
//
// The scheduler of Linux 6.18 has phases, tens of milliseconds long, in which a thread that wakes up interrupts the one
// that runs, batch task or not. A device's thread that every frame wakes makes the guest handle one frame at a time
// then, each with a notification and two switches, which takes several times as long as to handle some in turns.
#pragma once

#include <atomic>
#include <cstdint>

#include "launcher/host/futex.hpp"

namespace husk::event {

class VcpuRests final {
public:
    // A vCPU that slept runs, and the other way round.
    void add_running() { running_.fetch_add(1); }
    void add_resting() {
        running_.fetch_sub(1);
        const std::uint32_t waiting = waiting_.load();
        if (waiting == 0) return;
        rests_.fetch_add(1);
        host::futex_wake(rests_, waiting);
    }

    // Until one goes to sleep, but not longer than deadline_ns, CLOCK_MONOTONIC. false: none runs.
    bool wait(std::uint64_t deadline_ns) {
        waiting_.fetch_add(1);
        const std::uint32_t rests = rests_.load();
        const bool is_any_running = running_.load() > 0;
        if (is_any_running) host::futex_wait(rests_, rests, deadline_ns);
        waiting_.fetch_sub(1);
        return is_any_running;
    }

private:
    std::atomic<int> running_ = 0;
    std::atomic<std::uint32_t> rests_ = 0;  // counts those that somebody waited for
    std::atomic<std::uint32_t> waiting_ = 0;
};

}  // namespace husk::event
