// SPDX-License-Identifier: Apache-2.0
// Blocks that somebody holds while their owner may split them.
#include "guest-runtime/memory/frame_state.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::memory {

namespace {

constinit List<BlockHold> holds;  // under the allocator's lock

}  // namespace

void split_frames(abi::GuestPhys block, unsigned order) {
    Guard guard(frame_state.lock);
    std::uint32_t references = 1;
    for (BlockHold& hold : holds) {
        if (hold.block != block) continue;
        hold.was_split = true;
        ++references;
    }
    frame_state.allocator.split(frame_of(block), order, references);
}

void split_new_frames(abi::GuestPhys block, unsigned order) { frame_state.allocator.split(frame_of(block), order, 1); }

void hold_block(BlockHold& hold, abi::GuestPhys block, unsigned order) {
    hold.block = block;
    hold.order = order;
    hold.was_split = false;
    Guard guard(frame_state.lock);
    frame_state.allocator.retain(frame_of(block));
    holds.push_back(hold);
}

void release_hold(BlockHold& hold) {
    bool is_large = false;
    std::uint64_t freed = 0;
    {
        // One section: who splits a block expects as many references as there are holds.
        Guard guard(frame_state.lock);
        hold.unlink();
        freed = hold.was_split ? release_locked(frame_of(hold.block), 1ull << hold.order, 0, is_large)
                               : release_locked(frame_of(hold.block), 1, hold.order, is_large);
    }
    frame_state.account.give(freed);
    if (is_large) tell_of_large_block();
}

}  // namespace husk::memory
