// SPDX-License-Identifier: Apache-2.0
// Makes other vCPUs drop translations that the page tables no longer hold, before the frames behind them change hands.
//
// A request covers all that was changed before it. vCPUs answer on their way out of the runtime, when they change
// threads, and in every loop that waits for somebody (spin_once()); idle ones when they have something to do again.
#pragma once

#include <cstdint>

namespace husk::memory::shootdown {

// After a change that took something away. Returns what to wait for.
std::uint64_t request();
// What somebody else's change has to wait for before it may rely on what the page tables say.
[[nodiscard]] std::uint64_t pending();
// Until no vCPU uses what was there before the request; answers the requests of others meanwhile. Any lock held.
void wait_for(std::uint64_t generation);
// Whether wait_for() would return at once.
[[nodiscard]] bool is_complete(std::uint64_t generation);

// The calling vCPU's part. Cheap when nobody asked.
void answer();
void enter_idle();
void leave_idle();

}  // namespace husk::memory::shootdown
