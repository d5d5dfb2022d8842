// SPDX-License-Identifier: Apache-2.0
// Frames that are in use for convenience only, and given back when somebody needs memory.
#pragma once

#include <cstdint>

namespace husk::memory {

// Gives back up to `frames` frames; returns how many. Called with any lock held: it must neither sleep nor wait for a
// lock, nor allocate.
using Reclaimer = std::uint64_t (*)(std::uint64_t frames);
void set_reclaimer(Reclaimer reclaimer);

// Reclaims until so many frames are spare, if that can be. True: something was given back.
bool make_spare(std::uint64_t frames);

}  // namespace husk::memory
