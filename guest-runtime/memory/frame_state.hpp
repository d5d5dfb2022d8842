// SPDX-License-Identifier: Apache-2.0
// The state behind frames.hpp and give_back.hpp, and the steps that several of their parts take; only they include
// this.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/memory/frame_account.hpp"
#include "guest-runtime/memory/frame_allocator.hpp"
#include "guest-runtime/memory/give_back.hpp"

namespace husk::memory {

struct FrameState {
    FrameAccount account;
    Spinlock lock;  // over which blocks `allocator` has free, and over who holds blocks
    FrameAllocator allocator;
    std::atomic<FreedHook> freed_hook = nullptr;
};
extern constinit FrameState frame_state;

constexpr std::uint64_t frame_of(abi::GuestPhys gpa) { return gpa.value / abi::page_size; }

// What vCPUs have at hand goes back to the allocator, where it becomes large blocks again.
void drain_stocks();

// A reference less on each of the blocks, with the lock held. How many frames are free now, to be accounted.
std::uint64_t release_locked(std::uint64_t frame, std::uint64_t blocks, unsigned order, bool& is_large);
// Rings freed_hook, if there is one.
void tell_of_large_block();

// Waits for those who return frames just now. True: there were some.
bool wait_for_returning();

}  // namespace husk::memory
