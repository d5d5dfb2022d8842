// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/frame_allocator.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>

#include "guest-runtime/base/alone.hpp"
#include "guest-runtime/base/panic.hpp"

namespace husk::memory {

namespace {

// Cuts memory for the allocator's own tables off the first range that has room, from its low end.
class Carver {
public:
    explicit Carver(std::span<abi::PhysRange> ranges) : ranges_(ranges) {}
    void* carve(std::uint64_t size_bytes, int fill, bool needs_fill) {
        size_bytes = abi::align_up(size_bytes, abi::page_size);
        for (abi::PhysRange& range : ranges_) {
            if (range.end - range.begin < size_bytes) continue;
            void* storage = frame_pointer<>(abi::GuestPhys{range.begin});
            range.begin += size_bytes;
            if (needs_fill) std::memset(storage, fill, size_bytes);
            return storage;
        }
        panic("no room for the frame tables");
    }

private:
    std::span<abi::PhysRange> ranges_;
};

constexpr std::uint64_t blocks_below(std::uint64_t frame_bound, unsigned order) {
    return (frame_bound + (1ull << order) - 1) >> order;
}

}  // namespace

FrameAllocator::Size FrameAllocator::initialise(std::span<const abi::PhysRange> ranges, bool ram_is_zero) {
    std::array<abi::PhysRange, std::extent_v<decltype(abi::BootInfo::free_ranges)>> copy = {};
    std::uint64_t frame_bound = 0, total = 0;
    ranges = ranges.first(std::min(ranges.size(), copy.size()));
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        copy[i] = {abi::align_up(ranges[i].begin, abi::page_size), abi::align_down(ranges[i].end, abi::page_size)};
        if (copy[i].end <= copy[i].begin) copy[i] = {};
        frame_bound = std::max(frame_bound, copy[i].end / abi::page_size);
        total += (copy[i].end - copy[i].begin) / abi::page_size;
    }
    check(total >= 64, "no free memory");
    frame_bound_ = frame_bound;

    std::size_t tree_words = 0;
    for (unsigned order = 0; order <= max_order; ++order) {
        tree_words += BitTree::words_needed(blocks_below(frame_bound, order));
    }
    Carver carver({copy.data(), ranges.size()});
    // References are set when a block is allocated: what the memory holds before does not matter. They are the largest
    // table and thinly used, so they come first: the others share the pages of one shadow fault with the first frames.
    notes_ = static_cast<std::uint32_t*>(carver.carve(frame_bound * sizeof(std::uint32_t), 0, false));
    used_ = static_cast<std::uint64_t*>(carver.carve(blocks_below(frame_bound, 6) * 8, 0xff, !ram_is_zero));
    auto* words = static_cast<std::uint64_t*>(carver.carve(tree_words * sizeof(std::uint64_t), 0, !ram_is_zero));
    for (unsigned order = 0; order <= max_order; ++order) {
        std::uint64_t blocks = blocks_below(frame_bound, order);
        free_[order] = BitTree(words, blocks);
        words += BitTree::words_needed(blocks);
    }
    std::uint64_t free = 0;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        put_range(copy[i].begin / abi::page_size, copy[i].end / abi::page_size);
        free += (copy[i].end - copy[i].begin) / abi::page_size;
    }
    return {total, free};
}

void FrameAllocator::put_range(std::uint64_t begin, std::uint64_t end) {
    while (begin < end) {
        unsigned order = begin == 0 ? max_order : static_cast<unsigned>(std::countr_zero(begin));
        order = std::min({order, max_order, static_cast<unsigned>(std::bit_width(end - begin) - 1)});
        put(begin, order);
        begin += 1ull << order;
    }
}

// Frees a block and joins it with its buddies as far as they are free.
bool FrameAllocator::put(std::uint64_t frame, unsigned order) {
    while (order < max_order) {
        std::uint64_t buddy = (frame >> order) ^ 1;
        // The last block of RAM may have no buddy: its bit lies in the same word, and is 0.
        if (!free_[order].contains(buddy)) break;
        free_[order].erase(buddy);
        frame &= ~(1ull << order);
        ++order;
    }
    free_[order].insert(frame >> order);
    return order >= large_order;
}

Result<std::uint64_t> FrameAllocator::take(unsigned order) {
    // The smallest block that is large enough, and of these the lowest: small remains of memory that the host has
    // backed already are used up before a large block is broken.
    std::uint64_t block = BitTree::none;
    unsigned found = order;
    for (; found <= max_order; ++found) {
        block = free_[found].lowest();
        if (block != BitTree::none) break;
    }
    if (block == BitTree::none) return Errno::enomem;
    free_[found].erase(block);
    while (found > order) {
        --found;
        block *= 2;
        free_[found].insert(block + 1);
    }
    return block << order;
}

void FrameAllocator::retain(std::uint64_t frame) {
    std::uint32_t before = fetch_add(reference(frame), 1u, std::memory_order_relaxed);
    check(before != 0 && before != UINT32_MAX, "reference to a frame that is free");
}

bool FrameAllocator::release(std::uint64_t frame) {
    // What the others did with the frame comes before what its next owner does.
    std::uint32_t before = fetch_add(reference(frame), ~0u, std::memory_order_acq_rel);
    check(before != 0, "frame released twice");
    return before == 1;
}

void FrameAllocator::split(std::uint64_t frame, unsigned order, std::uint32_t count) {
    check(references(frame) == count, "split of a shared block");
    for (std::uint64_t i = 1; i < 1ull << order; ++i) reference(frame + i).store(count, std::memory_order_relaxed);
}

std::uint64_t FrameAllocator::take_used_bits(std::uint64_t frame, unsigned order) {
    std::atomic_ref word(used_[frame / 64]);
    std::uint64_t mask = order >= 6 ? UINT64_MAX : ((1ull << (1u << order)) - 1) << (frame % 64);
    std::uint64_t before = word.load(std::memory_order_relaxed);
    // Memory that is in use again and again has its bits: others may read the word meanwhile.
    if ((before & mask) != mask) before = word.fetch_or(mask, std::memory_order_relaxed);
    return (before & mask) >> (frame % 64);
}

unsigned FrameAllocator::backed_frames(std::uint64_t large_block) const {
    constexpr std::uint64_t words = (1u << large_order) / 64;
    unsigned count = 0;
    for (std::uint64_t word = large_block * words; word < (large_block + 1) * words; ++word)
        count += static_cast<unsigned>(std::popcount(std::atomic_ref(used_[word]).load(std::memory_order_relaxed)));
    return count;
}

Result<std::uint64_t> FrameAllocator::take_backed(std::uint64_t large_block) {
    constexpr std::uint64_t frames = 1u << large_order;
    if (backed_frames(large_block) == 0) return Errno::enomem;
    for (unsigned order = large_order; order <= max_order; ++order) {
        std::uint64_t block = large_block >> (order - large_order);
        if (!free_[order].contains(block)) continue;
        free_[order].erase(block);
        // What of it is not wanted stays free.
        while (order > large_order) {
            --order;
            free_[order].insert((large_block >> (order - large_order)) ^ 1);
        }
        return large_block * frames;
    }
    return Errno::enomem;
}

void FrameAllocator::note_zero(std::uint64_t large_block) {
    constexpr std::uint64_t words = (1u << large_order) / 64;
    for (std::uint64_t word = large_block * words; word < (large_block + 1) * words; ++word)
        std::atomic_ref(used_[word]).store(0, std::memory_order_relaxed);
}

}  // namespace husk::memory
