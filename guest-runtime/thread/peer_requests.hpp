// SPDX-License-Identifier: Apache-2.0
// What vCPUs ask of each other: to drop translations, to pass a memory barrier, to stand still.
#pragma once

#include <cstdint>

namespace husk::thread {

// Does what is asked of this vCPU; for attention::peer, and for whoever waits in the runtime. Returns once this vCPU
// may go on.
void answer_peers();

// Every other vCPU passes a memory barrier in its application's thread, if it runs one, before this returns.
void fence_others();

// Stops every other vCPU: in the runtime, with the registers of the thread it ran where record_threads() finds them.
// Returns when all stand still or, with a vCPU that does not answer for so long, after `patience_ns`. A vCPU that is
// itself being stopped waits first until it goes on.
void stop_others(std::uint64_t patience_ns);
void let_others_go_on();

}  // namespace husk::thread
