// SPDX-License-Identifier: Apache-2.0
// Which CPUs this process may use, one thread bound to one of them, and who makes way for whom there.
#pragma once

#include <span>
#include <vector>

namespace husk::host {

// Sorted; empty when the kernel does not say.
[[nodiscard]] std::vector<unsigned> allowed_cpus();

// From now on the calling thread runs on this CPU only. Throws Error.
void pin_this_thread(unsigned cpu);

// A thread inherits the pin of the one that starts it: with this the calling one may use all CPUs that the process had
// before the first pin.
void unpin_this_thread();

// The calling thread runs on `cpus` from now on. false, and nothing changes, when the kernel refuses.
bool run_this_thread_on(std::span<const unsigned> cpus);

// From now on the calling thread, when it is woken, waits until who runs there sleeps or has used up its time slice.
// false, and nothing changes, when somebody has given it another policy than the usual one.
bool let_others_finish();
// Undoes it.
void interrupt_others();

}  // namespace husk::host
