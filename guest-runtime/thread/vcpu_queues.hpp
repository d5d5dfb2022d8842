// SPDX-License-Identifier: Apache-2.0
// The threads that wait for each vCPU, and the choice of where one waits; only the scheduler includes this.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/thread/idle_vcpus.hpp"
#include "guest-runtime/thread/run_queue.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

struct alignas(64) Vcpu {
    RunQueue<Thread, RunTag> queue;
    Thread* previous = nullptr;  // who was just switched away from, its lock held
    std::uint64_t to_wake = 0;   // of others, by this vCPU, in ring_postponed()
};
// Made by initialise_queues(): empty lists point to themselves, and would be initialised data of every image.
union VcpuRoom {
    constexpr VcpuRoom() : none(0) {}
    char none;
    Vcpu vcpu;
};
extern constinit std::array<VcpuRoom, max_vcpus> vcpus;
extern constinit IdleVcpus<max_vcpus> idle_vcpus;

inline Vcpu& vcpu_at(std::uint32_t index) { return vcpus[index].vcpu; }
inline Vcpu& here() { return vcpu_at(vcpu_index()); }
inline bool is_smp() { return arch::vcpu_count() != 1; }
inline bool is_idle_thread(const Thread& thread) { return &thread == arch::per_cpu().idle; }
inline bool may_run_on(const Thread& thread, std::uint32_t vcpu) {
    return (thread.affinity.load(std::memory_order_relaxed) >> vcpu & 1) != 0;
}

// The next thread for this vCPU: its own queue first, then whoever waits elsewhere.
Thread* pick_next();
// The vCPU does not exist after all: its threads may run elsewhere.
void empty_queue_of(std::uint32_t vcpu);
[[nodiscard]] bool somebody_waits_for(std::uint32_t vcpu);

}  // namespace husk::thread
