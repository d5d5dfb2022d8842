// SPDX-License-Identifier: Apache-2.0
// Which thread runs on which vCPU: a run queue each, stealing, and the switch from one to the next.
#pragma once

#include <cstdint>

#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::thread {

class Thread;

using arch::max_vcpus;
[[nodiscard]] std::uint32_t vcpu_index();
[[nodiscard]] std::uint32_t vcpu_count();

// Once the number of vCPUs is known, and before any thread is queued.
void initialise_queues();

// Finds a vCPU for a thread that was never run, or whose saved state is complete: an idle one, best where it ran last;
// else a queue. Its lock is held.
void enqueue(Thread& thread);
// Wakes the vCPUs that enqueue() has chosen: each is an exit. Called without locks where the runtime is left, where the
// thread gives its vCPU up, and before waiting for another vCPU.
void ring_postponed();
// After a change of its affinity: a thread that may not be where it is goes elsewhere, soon when it is running.
void move_if_misplaced(Thread& thread);
// Called by the thread itself with its lock held and its state set to parked, dead, or running (to queue up again).
// Returns, with the lock released, once it is scheduled again; never for a dead one.
void switch_away(Thread& self);
// A thread that another vCPU runs comes out of the application's code, to look at its work.
void bring_into_runtime(Thread& thread);
// The idle thread of a vCPU: runs threads, sleeps in the launcher when there are none.
[[noreturn]] void run_idle();

// True when another thread waits for this vCPU.
[[nodiscard]] bool others_are_waiting();
// True when a thread waits for any vCPU.
[[nodiscard]] bool threads_are_waiting();
// Whether a vCPU sleeps, with nothing to run: when it goes on, it passes a full barrier before it runs anything.
[[nodiscard]] bool is_vcpu_idle(std::uint32_t vcpu);
// Tells the launcher when a busy vCPU wants to be interrupted.
void announce_timer(Deadline deadline);

}  // namespace husk::thread
