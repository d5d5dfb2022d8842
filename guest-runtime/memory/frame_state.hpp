// SPDX-License-Identifier: Apache-2.0
// The state behind frames.hpp and give_back.hpp, and the steps that both take; only they include this.
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

}  // namespace husk::memory
