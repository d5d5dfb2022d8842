// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/frames.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>

#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/memory/frame_state.hpp"
#include "guest-runtime/memory/frame_stock.hpp"
#include "guest-runtime/memory/reclaim.hpp"

namespace husk::memory {

#if __STDC_HOSTED__
constinit std::uint64_t hosted_ram_base = 0;
#endif

constinit FrameState frame_state;

namespace {

// What caches and copies take, and what a fault takes.
struct alignas(64) Stocks {
    FrameStock<64> pages;
    FrameStock<8> windows;
};
constinit std::array<Stocks, arch::max_vcpus> stocks;
constexpr unsigned window_order = 4;
// With less than that nobody keeps anything at hand.
constexpr std::uint64_t plenty = (32 << 20) / abi::page_size;

bool keeps_stocks() { return arch::others_are_started() && frame_state.account.counts().free >= plenty; }
Stocks& stocks_here() { return stocks[arch::vcpu_index()]; }

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

Result<std::uint64_t> take_from_allocator(unsigned order) {
    Guard guard(frame_state.lock);
    return frame_state.allocator.take(order);
}

// Puts the blocks back that lie in a stock; they are accounted as free already.
void drain(const std::uint32_t* frames, std::uint32_t count, unsigned order) {
    bool is_large = false;
    {
        Guard guard(frame_state.lock);
        for (std::uint32_t i = 0; i < count; ++i) is_large = frame_state.allocator.put(frames[i], order) || is_large;
    }
    if (is_large) tell_of_large_block();
}

template <class Stock>
std::optional<std::uint64_t> take_from(Stock& stock, unsigned order) {
    return stock.take([order](std::uint32_t* to, std::uint32_t most) {
        Guard guard(frame_state.lock);
        std::uint32_t count = 0;
        // The lowest one is handed out first.
        for (; count < most; ++count) {
            auto frame = frame_state.allocator.take(order);
            if (!frame.ok()) break;
            to[most - 1 - count] = static_cast<std::uint32_t>(frame.value());
        }
        if (count != most) std::memmove(to, to + (most - count), count * sizeof *to);
        return count;
    });
}

// A block that the account says is there.
Result<std::uint64_t> find_block(unsigned order) {
    if ((order == 0 || order == window_order) && keeps_stocks()) {
        auto frame = order == 0 ? take_from(stocks_here().pages, order) : take_from(stocks_here().windows, order);
        if (frame) return *frame;
    }
    // It may lie in somebody's stock, or be split up among several. Others may take what is drained, and have more
    // drained in turn: a single frame is there in the end.
    const int most_drains = !arch::others_are_started() ? 0 : order == 0 ? 64 : 1;
    for (int drains = 0;; ++drains) {
        auto frame = take_from_allocator(order);
        if (frame.ok() || drains == most_drains) return frame;
        drain_stocks();
    }
}

Result<std::uint64_t> take_block(unsigned order, Claim claim) {
    std::uint64_t frames = 1ull << order;
    HUSK_TRY(frame_state.account.take(frames, claim));
    auto frame = find_block(order);
    if (frame.ok()) {
        frame_state.allocator.set_used(frame.value());
    } else {
        frame_state.account.take_back(frames, claim);
    }
    return frame;
}

}  // namespace

void tell_of_large_block() {
    FreedHook hook = frame_state.freed_hook.load(std::memory_order_acquire);
    if (hook != nullptr) hook();
}

std::uint64_t release_locked(std::uint64_t frame, std::uint64_t blocks, unsigned order, bool& is_large) {
    std::uint64_t freed = 0;
    for (; blocks != 0; --blocks, frame += 1ull << order) {
        if (!frame_state.allocator.release(frame)) continue;
        is_large = frame_state.allocator.put(frame, order) || is_large;
        freed += 1ull << order;
    }
    return freed;
}

void drain_stocks() {
    for (std::uint32_t vcpu = 0; vcpu < arch::vcpu_count(); ++vcpu) {
        stocks[vcpu].pages.drain_all([](const std::uint32_t* frames, std::uint32_t count) { drain(frames, count, 0); });
        stocks[vcpu].windows.drain_all(
            [](const std::uint32_t* frames, std::uint32_t count) { drain(frames, count, window_order); });
    }
}

void initialise_frames(std::span<const abi::PhysRange> ranges, bool ram_is_zero) {
#if __STDC_HOSTED__
    // Of the last test's machine.
    for (Stocks& stock : stocks) {
        stock.pages.drain_all([](const std::uint32_t*, std::uint32_t) {});
        stock.windows.drain_all([](const std::uint32_t*, std::uint32_t) {});
    }
#endif
    auto [total, free] = frame_state.allocator.initialise(ranges, ram_is_zero);
    frame_state.account.initialise(total, free, std::min(total / 256 + 64, total / 8));
}

Result<abi::GuestPhys> allocate_frames(unsigned order, Contents contents, Claim claim) {
    if (order > max_order) return Errno::enomem;
    auto first = take_block(order, claim);
    bool again = !first.ok() && (make_spare(1ull << order) || wait_for_returning());
    std::uint64_t frame = again ? HUSK_TRY(take_block(order, claim)) : HUSK_TRY(first);
    for (std::uint64_t at = frame; at < frame + (1ull << order); at += 64) {
        std::uint64_t used = frame_state.allocator.take_used_bits(at, order);
        if (contents == Contents::zero) zero_marked(at, used);
    }
    return abi::GuestPhys{frame * abi::page_size};
}

void retain_frames(abi::GuestPhys block) { frame_state.allocator.retain(frame_of(block)); }

void release_frames(abi::GuestPhys block, unsigned order) {
    std::uint64_t frame = frame_of(block);
    if (!frame_state.allocator.release(frame)) return;
    bool is_large = false;
    if (order == 0 && keeps_stocks()) {
        stocks_here().pages.put(frame,
                                [](const std::uint32_t* frames, std::uint32_t count) { drain(frames, count, 0); });
    } else {
        Guard guard(frame_state.lock);
        is_large = frame_state.allocator.put(frame, order);
    }
    frame_state.account.give(1ull << order);
    if (is_large) tell_of_large_block();
}

void release_run(abi::GuestPhys begin, std::uint64_t blocks, unsigned order) {
    constexpr std::uint64_t most_at_once = 64;  // nobody waits long for the lock
    std::uint64_t frame = frame_of(begin);
    bool is_large = false;
    while (blocks != 0) {
        std::uint64_t count = std::min(blocks, most_at_once), freed = 0;
        {
            Guard guard(frame_state.lock);
            freed = release_locked(frame, count, order, is_large);
        }
        frame_state.account.give(freed);
        frame += count << order;
        blocks -= count;
    }
    if (is_large) tell_of_large_block();
}

std::uint32_t frame_references(abi::GuestPhys block) { return frame_state.allocator.references(frame_of(block)); }

std::uint32_t& frame_note(abi::GuestPhys frame) { return frame_state.allocator.note(frame_of(frame)); }

}  // namespace husk::memory
