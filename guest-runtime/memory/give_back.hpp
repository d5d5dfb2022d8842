// SPDX-License-Identifier: Apache-2.0
// Free memory on its way back to the host, in blocks of 2 MiB, highest first: those that are used again last.
//
//   std::size_t count = take_backed_blocks(blocks);        // nobody else gets them
//   ... the host takes the first `given` of them, which read as 0 from then on ...
//   return_blocks(blocks.first(count), given);             // free again
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <husk/abi/boot_info.hpp>

namespace husk::memory {

// What the allocator has handed out at some time and not given back since. A look without locks, which is not exact.
[[nodiscard]] std::uint64_t backed_bytes();

// Blocks that are wholly free and may be backed. Fewer than there is room for: there are no more, or too little is
// spare to take any.
[[nodiscard]] std::size_t take_backed_blocks(std::span<abi::PhysRange> blocks);
void return_blocks(std::span<const abi::PhysRange> blocks, std::size_t zero_count);

// Called when a block of 2 MiB or more has become free; any lock may be held but the scheduler's own and this one's.
using FreedHook = void (*)();
void set_freed_hook(FreedHook hook);
// Whether somebody waits for free blocks.
[[nodiscard]] bool has_freed_hook();

}  // namespace husk::memory
