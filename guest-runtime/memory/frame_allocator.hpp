// SPDX-License-Identifier: Apache-2.0
// The buddy allocator behind frames.hpp: lowest addresses first, nothing written into free memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include <husk/abi/boot_info.hpp>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/memory/bit_tree.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::memory {

// Frames are numbered by gpa / page_size. RAM that no allocation has returned stays unbacked on the host: free blocks
// are bits in tables of their own, and only the parts of the tables that are used get touched.
class FrameAllocator {
public:
    constexpr FrameAllocator() = default;
    // Before anybody else uses it. How many frames there are, and how many of them are free now.
    struct Size {
        std::uint64_t total, free;
    };
    Size initialise(std::span<const abi::PhysRange> ranges, bool ram_is_zero);

    // Which blocks are free: under the caller's lock. A block by its first frame; ENOMEM.
    Result<std::uint64_t> take(unsigned order);
    // true: a free block of 2 MiB or more has come of it.
    bool put(std::uint64_t frame, unsigned order);

    // Who uses a block: any vCPU, no lock needed.
    void set_used(std::uint64_t frame) { reference(frame).store(1, std::memory_order_relaxed); }
    void retain(std::uint64_t frame);
    // true: it was the last reference, and the block is the caller's to put.
    [[nodiscard]] bool release(std::uint64_t frame);
    // `references`: what the block has, and each frame gets.
    void split(std::uint64_t frame, unsigned order, std::uint32_t references);
    [[nodiscard]] std::uint32_t references(std::uint64_t frame) {
        return reference(frame).load(std::memory_order_acquire);
    }
    [[nodiscard]] std::uint32_t& note(std::uint64_t frame) { return notes_[frame]; }

    // Frames of a block just allocated that may hold something else than 0, as bits, lowest frame first; from now on
    // all of them may. At most 64 frames in one call; no lock needed.
    std::uint64_t take_used_bits(std::uint64_t frame, unsigned order);

    // Blocks of 2 MiB, by number. How many there are room for; takes one that is free and may be backed by the host,
    // under the caller's lock; all of it is 0 again (its owner, no lock needed).
    [[nodiscard]] std::uint64_t large_blocks() const { return frame_bound_ >> large_order; }
    Result<std::uint64_t> take_backed(std::uint64_t large_block);
    void note_zero(std::uint64_t large_block);
    // How many of its frames may be backed. Any thread, no lock needed; what others do meanwhile may be missed.
    [[nodiscard]] unsigned backed_frames(std::uint64_t large_block) const;

private:
    void put_range(std::uint64_t begin, std::uint64_t end);
    [[nodiscard]] std::atomic_ref<std::uint32_t> reference(std::uint64_t frame) {
        return std::atomic_ref(notes_[frame]);
    }

    BitTree free_[max_order + 1];     // by order: block number = frame >> order
    std::uint32_t* notes_ = nullptr;  // by frame: references of the block that begins there
    std::uint64_t* used_ = nullptr;   // bit by frame: was handed out before, or is not known to be 0
    std::uint64_t frame_bound_ = 0;   // of all ranges
};

}  // namespace husk::memory
