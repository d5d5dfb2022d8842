// SPDX-License-Identifier: Apache-2.0
// The buddy allocator behind frames.hpp: lowest addresses first, nothing written into free memory.
#pragma once

#include <cstdint>
#include <span>

#include <husk/abi/boot_info.hpp>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/memory/bit_tree.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::memory {

// Frames are numbered by gpa / page_size. Not locked. RAM that no allocation has returned stays unbacked on the host:
// free blocks are bits in tables of their own, and only the parts of the tables that are used get touched.
class FrameAllocator {
public:
    constexpr FrameAllocator() = default;
    void initialise(std::span<const abi::PhysRange> ranges, bool ram_is_zero);

    // A free block with one reference, by its first frame.
    Result<std::uint64_t> allocate(unsigned order, Claim claim);
    void retain(std::uint64_t frame);
    // true: a free block of 2 MiB or more has come of it.
    bool release(std::uint64_t frame, unsigned order);
    // `references`: what the block has, and each frame gets.
    void split(std::uint64_t frame, unsigned order, std::uint32_t references);
    [[nodiscard]] std::uint32_t& note(std::uint64_t frame) { return notes_[frame]; }

    Result<> promise(std::uint64_t frames);
    void renew_promise(std::uint64_t frames) { counts_.promised += frames; }
    void drop_promise(std::uint64_t frames);
    [[nodiscard]] const FrameCounts& counts() const { return counts_; }

    // Frames of a block just allocated that may hold something else than 0, as bits, lowest frame first; from now on
    // all of them may. Blocks of less than 64 frames: one call under the caller's lock. Larger ones own their words:
    // one call for each 64 frames, no lock needed.
    std::uint64_t take_used_bits(std::uint64_t frame, unsigned order);

    // Blocks of 2 MiB, by number. How many there are room for; whether one is free and may be backed by the host; takes
    // such a one as by allocate() with Claim::spare; all of it is 0 again (its owner, no lock needed).
    [[nodiscard]] std::uint64_t large_blocks() const { return frame_bound_ >> large_order; }
    Result<std::uint64_t> take_backed(std::uint64_t large_block);
    void note_zero(std::uint64_t large_block);
    // How many of its frames may be backed. Any thread, no lock needed; what others do meanwhile may be missed.
    [[nodiscard]] unsigned backed_frames(std::uint64_t large_block) const;

private:
    bool insert_block(std::uint64_t frame, unsigned order);
    void insert_range(std::uint64_t begin, std::uint64_t end);
    [[nodiscard]] bool may_take(std::uint64_t frames, Claim claim) const;

    BitTree free_[max_order + 1];     // by order: block number = frame >> order
    std::uint32_t* notes_ = nullptr;  // by frame: references of the block that begins there
    std::uint64_t* used_ = nullptr;   // bit by frame: was handed out before, or is not known to be 0
    std::uint64_t frame_bound_ = 0;   // of all ranges
    FrameCounts counts_ = {};
};

}  // namespace husk::memory
