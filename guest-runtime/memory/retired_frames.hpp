// SPDX-License-Identifier: Apache-2.0
// Frames that no page table leads to any more, but perhaps a translation that some vCPU still holds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "guest-runtime/memory/frames.hpp"

namespace husk::memory {

// Blocks next to each other are one entry. Copied from the address space to whoever waits, so it is small.
class RetiredFrames {
public:
    [[nodiscard]] bool is_empty() const { return count_ == 0; }
    // False: no room for it.
    [[nodiscard]] bool add(abi::GuestPhys block, unsigned order) {
        std::uint64_t size_bytes = abi::page_size << order;
        if (count_ != 0) {
            Run& last = runs_[count_ - 1];
            if (last.order == order && last.begin + last.blocks * size_bytes == block) {
                ++last.blocks;
                return true;
            }
        }
        if (count_ == runs_.size()) return false;
        runs_[count_++] = {block, 1, order};
        return true;
    }
    // Takes what `other` has.
    void take_from(RetiredFrames& other) {
        for (count_ = 0; count_ < other.count_; ++count_) runs_[count_] = other.runs_[count_];
        other.count_ = 0;
    }
    void release() {
        for (const Run& run : std::span(runs_).first(count_)) release_run(run.begin, run.blocks, run.order);
        count_ = 0;
    }

private:
    struct Run {
        abi::GuestPhys begin;
        std::uint32_t blocks;
        std::uint32_t order;
    };
    std::array<Run, 48> runs_ = {};
    std::size_t count_ = 0;
};

}  // namespace husk::memory
