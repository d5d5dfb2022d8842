// SPDX-License-Identifier: Apache-2.0
// Which thread runs on which vCPU: a run queue each, stealing, and the switch from one to the next.
#pragma once

#include <cstdint>

#include "guest-runtime/thread/clock.hpp"

namespace husk::thread {

class Thread;

inline constexpr std::uint32_t max_vcpus = 64;
[[nodiscard]] std::uint32_t vcpu_index();
[[nodiscard]] std::uint32_t vcpu_count();

// Once at boot, on vCPU 0. From then on current() is `first`, which runs its first instruction when run_idle() is
// entered.
void initialise_scheduler(std::uint32_t vcpus);

// Puts a thread that was never run, or whose saved state is complete, into the run queue of its vCPU.
void enqueue(Thread& thread);
// Called by the thread itself with its lock held and its state set to parked, dead, or running (to queue up again).
// Returns, with the lock released, once it is scheduled again; never for a dead one.
void switch_away(Thread& self);
// The idle thread of a vCPU: runs threads, sleeps in the launcher when there are none.
[[noreturn]] void run_idle();

// True when another thread waits for this vCPU.
[[nodiscard]] bool others_are_waiting();
// Tells the launcher when a busy vCPU wants to be interrupted.
void announce_timer(Deadline deadline);

}  // namespace husk::thread
