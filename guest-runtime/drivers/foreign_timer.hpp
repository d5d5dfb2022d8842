// SPDX-License-Identifier: Apache-2.0
// What our launcher does for the mailbox's want_tick and timer_deadline_tsc, done with the local APIC's timer.
#pragma once

#include <cstdint>

namespace husk::foreign_timer {

// The mailbox's wishes have changed: makes sure that the timer fires in time for them.
void update();

// A wait that ends at this TSC value wants the timer too; UINT64_MAX: no more.
void set_wake_up(std::uint64_t tsc);

// In the handler of the timer's interrupt, first.
void on_fired();
// In the handler of any interrupt, last. wants_look: it found the runtime at work, which may have looked at attention
// for the last time.
void leave_handler(bool wants_look);
// In the handler of any interrupt that found no attention waiting.
void forget_looks();

void initialise(std::uint64_t tsc_hz);

}  // namespace husk::foreign_timer
