// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/frames.hpp"

#include <atomic>
#include <bit>
#include <cstring>

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/memory/frame_allocator.hpp"
#include "guest-runtime/memory/give_back.hpp"
#include "guest-runtime/memory/reclaim.hpp"

namespace husk::memory {

#if __STDC_HOSTED__
constinit std::uint64_t hosted_ram_base = 0;
#endif

namespace {

constinit Spinlock lock;
constinit FrameAllocator allocator;
constinit List<BlockHold> holds;

// Zeroes the frames from `frame` on whose bits are set, in runs.
void zero_marked(std::uint64_t frame, std::uint64_t bits) {
    while (bits != 0) {
        int skip = std::countr_zero(bits);
        frame += static_cast<unsigned>(skip);
        bits >>= skip;
        int run = std::countr_one(bits);
        std::memset(frame_pointer<>(abi::GuestPhys{frame * abi::page_size}), 0,
                    static_cast<std::size_t>(run) * abi::page_size);
        if (run == 64) return;
        frame += static_cast<unsigned>(run);
        bits >>= run;
    }
}

constinit std::atomic<Reclaimer> reclaimer = nullptr;
constinit std::atomic<FreedHook> freed_hook = nullptr;

// More than was asked for, so that not every allocation comes here.
constexpr std::uint64_t reclaim_step = 256;

constinit std::atomic<std::uint32_t> returning = 0;

// True: somebody has released frames meanwhile.
bool wait_for_returning() {
    if (returning.load(std::memory_order_acquire) == 0) return false;
    while (returning.load(std::memory_order_acquire) != 0) spin_once();
    return true;
}

constexpr std::uint64_t frame_of(abi::GuestPhys gpa) { return gpa.value / abi::page_size; }

Result<std::uint64_t> take_block(unsigned order, Claim claim, std::uint64_t& used) {
    Guard guard(lock);
    std::uint64_t frame = HUSK_TRY(allocator.allocate(order, claim));
    if (order < 6) used = allocator.take_used_bits(frame, order);
    return frame;
}

Result<> try_promise(std::uint64_t frames) {
    Guard guard(lock);
    return allocator.promise(frames);
}

}  // namespace

ReturningFrames::ReturningFrames() { returning.fetch_add(1, std::memory_order_acq_rel); }
ReturningFrames::~ReturningFrames() { returning.fetch_sub(1, std::memory_order_acq_rel); }

void initialise_frames(std::span<const abi::PhysRange> ranges, bool ram_is_zero) {
    Guard guard(lock);
    allocator.initialise(ranges, ram_is_zero);
}

Result<abi::GuestPhys> allocate_frames(unsigned order, Contents contents, Claim claim) {
    std::uint64_t used = 0;
    auto first = take_block(order, claim, used);
    bool again = !first.ok() && (make_spare(1ull << order) || wait_for_returning());
    std::uint64_t frame = again ? HUSK_TRY(take_block(order, claim, used)) : HUSK_TRY(std::move(first));

    if (order < 6) {
        if (contents == Contents::zero) zero_marked(frame, used);
    } else {
        for (std::uint64_t at = frame; at < frame + (1ull << order); at += 64) {
            used = allocator.take_used_bits(at, 6);
            if (contents == Contents::zero) zero_marked(at, used);
        }
    }
    return abi::GuestPhys{frame * abi::page_size};
}

void retain_frames(abi::GuestPhys block) {
    Guard guard(lock);
    allocator.retain(frame_of(block));
}

void release_frames(abi::GuestPhys block, unsigned order) {
    {
        Guard guard(lock);
        if (!allocator.release(frame_of(block), order)) return;
    }
    if (FreedHook hook = freed_hook.load(std::memory_order_acquire); hook != nullptr) hook();
}

void split_frames(abi::GuestPhys block, unsigned order) {
    Guard guard(lock);
    std::uint32_t references = 1;
    for (BlockHold& hold : holds) {
        if (hold.block != block) continue;
        hold.was_split = true;
        ++references;
    }
    allocator.split(frame_of(block), order, references);
}

void hold_block(BlockHold& hold, abi::GuestPhys block, unsigned order) {
    hold.block = block;
    hold.order = order;
    hold.was_split = false;
    Guard guard(lock);
    allocator.retain(frame_of(block));
    holds.push_back(hold);
}

void release_hold(BlockHold& hold) {
    Guard guard(lock);
    hold.unlink();
    if (!hold.was_split) {
        (void)allocator.release(frame_of(hold.block), hold.order);
        return;
    }
    for (std::uint64_t i = 0; i < 1ull << hold.order; ++i) (void)allocator.release(frame_of(hold.block) + i, 0);
}

std::uint32_t frame_references(abi::GuestPhys block) {
    Guard guard(lock);
    return allocator.note(frame_of(block));
}

void set_reclaimer(Reclaimer wanted) { reclaimer.store(wanted, std::memory_order_release); }

bool make_spare(std::uint64_t frames) {
    Reclaimer reclaim = reclaimer.load(std::memory_order_acquire);
    std::uint64_t spare = frame_counts().spare();
    if (reclaim == nullptr || spare >= frames) return false;
    return reclaim(frames - spare + reclaim_step) != 0;
}

Result<> promise_frames(std::uint64_t frames) {
    make_spare(frames);
    auto promised = try_promise(frames);
    return promised.ok() || !wait_for_returning() ? promised : try_promise(frames);
}

void renew_promise(std::uint64_t frames) {
    Guard guard(lock);
    allocator.renew_promise(frames);
}

void drop_promise(std::uint64_t frames) {
    Guard guard(lock);
    allocator.drop_promise(frames);
}

FrameCounts frame_counts() {
    Guard guard(lock);
    return allocator.counts();
}

void set_freed_hook(FreedHook hook) { freed_hook.store(hook, std::memory_order_release); }

std::uint64_t backed_bytes() {
    std::uint64_t frames = 0;
    for (std::uint64_t block = 0; block < allocator.large_blocks(); ++block) frames += allocator.backed_frames(block);
    return frames * abi::page_size;
}

std::size_t take_backed_blocks(std::span<abi::PhysRange> blocks) {
    std::size_t count = 0;
    for (std::uint64_t block = allocator.large_blocks(); block-- > 0 && count < blocks.size();) {
        if (allocator.backed_frames(block) == 0) continue;
        Guard guard(lock);
        auto frame = allocator.take_backed(block);
        if (!frame.ok()) continue;
        std::uint64_t begin = frame.value() * abi::page_size;
        blocks[count++] = {begin, begin + abi::large_page_size};
    }
    return count;
}

void return_blocks(std::span<const abi::PhysRange> blocks, std::size_t zero_count) {
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i < zero_count) allocator.note_zero(blocks[i].begin / abi::large_page_size);
        Guard guard(lock);
        // Not by release_frames(): this is no news.
        (void)allocator.release(blocks[i].begin / abi::page_size, large_order);
    }
}

std::uint32_t& frame_note(abi::GuestPhys frame) { return allocator.note(frame_of(frame)); }

}  // namespace husk::memory
