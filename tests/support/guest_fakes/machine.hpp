// SPDX-License-Identifier: Apache-2.0
// The guest's surroundings on a host: frames, heap, user memory, clock, console and one thread, all under a test's
// hand.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace husk::test {

// The runtime panicked.
struct Panic : std::runtime_error {
    using std::runtime_error::runtime_error;
};
// The one thread went to sleep with nothing that could ever wake it.
struct SleepsForever : std::logic_error {
    using std::logic_error::logic_error;
};

// Frames that are in use; a leak shows here.
std::uint64_t frames_in_use();
// Lets at most that many more frames be had; UINT64_MAX: as many as there are.
void limit_free_frames(std::uint64_t frames);

// The monotonic clock stands still but for this and for sleeps with a deadline, which it jumps over. Runs due timers.
void advance_clock_ns(std::uint64_t ns);

// Lets the runtime's own threads that were started run until they end. They do not run by themselves.
void run_runtime_threads();
// The same for those that serve one object, which is their argument. The others never end.
void run_object_threads();

// The next time the thread would sleep, `action` runs instead, once: what another thread would have done.
void on_next_sleep(void (*action)());
// A signal arrives at the next sleep.
void interrupt_next_sleep();

// What was written to stdout and stderr since the last call.
std::string take_console_output();
void set_console_input(std::string text, bool at_end);

// SIGPIPE and SIGXFSZ raised since the last call.
unsigned take_raised_signals();

// User addresses in [begin, end) answer EFAULT.
void forbid_user_memory(const void* begin, const void* end);

}  // namespace husk::test
