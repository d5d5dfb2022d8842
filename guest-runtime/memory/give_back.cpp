// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/give_back.hpp"

#include "guest-runtime/memory/frame_state.hpp"

namespace husk::memory {

namespace {

constexpr std::uint64_t large_frames = 1u << large_order;

}  // namespace

void set_freed_hook(FreedHook hook) { frame_state.freed_hook.store(hook, std::memory_order_release); }
bool has_freed_hook() { return frame_state.freed_hook.load(std::memory_order_relaxed) != nullptr; }

std::uint64_t backed_bytes() {
    const FrameAllocator& allocator = frame_state.allocator;
    std::uint64_t frames = 0;
    for (std::uint64_t block = 0; block < allocator.large_blocks(); ++block) frames += allocator.backed_frames(block);
    return frames * abi::page_size;
}

std::size_t take_backed_blocks(std::span<abi::PhysRange> blocks) {
    FrameState& state = frame_state;
    drain_stocks();
    std::size_t count = 0;
    for (std::uint64_t block = state.allocator.large_blocks(); block-- > 0 && count < blocks.size();) {
        if (state.allocator.backed_frames(block) == 0) continue;
        if (!state.account.take(large_frames, Claim::spare).ok()) break;
        Guard guard(state.lock);
        auto frame = state.allocator.take_backed(block);
        guard.unlock();
        if (!frame.ok()) {
            state.account.take_back(large_frames, Claim::spare);
            continue;
        }
        std::uint64_t begin = frame.value() * abi::page_size;
        blocks[count++] = {begin, begin + abi::large_page_size};
    }
    return count;
}

// Not by release_frames(): this is no news.
void return_blocks(std::span<const abi::PhysRange> blocks, std::size_t zero_count) {
    FrameState& state = frame_state;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i < zero_count) state.allocator.note_zero(blocks[i].begin / abi::large_page_size);
        {
            Guard guard(state.lock);
            (void)state.allocator.put(blocks[i].begin / abi::page_size, large_order);
        }
        state.account.give(large_frames);
    }
}

}  // namespace husk::memory
