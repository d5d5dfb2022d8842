// SPDX-License-Identifier: Apache-2.0
// Pages that are dropped and soon used again, as malloc's arenas do with their ends: filled with zeroes, not unmapped.
// They stay in memory, where mincore() sees them. So that memory which is dropped for good is let go, that is done only
// to what was dropped a short while ago already.
#pragma once

#include <cstdint>

#include "guest-runtime/memory/mapping.hpp"

namespace husk::memory {

// Fills what is attached in [begin, end) with zeroes. With the address space's lock held alone.
void empty_in_place(std::uint64_t begin, std::uint64_t end);

// The same inside `mapping`. False, and nothing is changed: somebody else could use the frames, or see what happens to
// them.
[[nodiscard]] bool try_empty_in_place(const Mapping& mapping, std::uint64_t begin, std::uint64_t end);

}  // namespace husk::memory
