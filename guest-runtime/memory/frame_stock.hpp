// SPDX-License-Identifier: Apache-2.0
// Free blocks of one order that one vCPU has at hand, so that most allocations meet nobody at the buddy allocator.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "guest-runtime/base/spinlock.hpp"

namespace husk::memory {

// Its lock is the owner's alone, but for whoever empties it when blocks become scarce. Taken before the allocator's.
template <std::uint32_t capacity>
class FrameStock {
public:
    // A block, by its first frame. Empty: refill(frames, most) puts some in and returns how many.
    template <class Refill>
    std::optional<std::uint64_t> take(Refill refill) {
        Guard guard(lock_);
        if (count_ == 0) count_ = refill(frames_.data(), capacity / 2);
        if (count_ == 0) return std::nullopt;
        return frames_[--count_];
    }
    // Full: drain(frames, count) takes some of them first.
    template <class Drain>
    void put(std::uint64_t frame, Drain drain) {
        Guard guard(lock_);
        if (count_ == capacity) {
            count_ -= capacity / 2;
            drain(frames_.data() + count_, capacity / 2);
        }
        frames_[count_++] = static_cast<std::uint32_t>(frame);
    }
    template <class Drain>
    void drain_all(Drain drain) {
        Guard guard(lock_);
        if (count_ != 0) drain(frames_.data(), count_);
        count_ = 0;
    }

private:
    Spinlock lock_;
    std::uint32_t count_ = 0;
    std::array<std::uint32_t, capacity> frames_{};  // numbers: 2^32 of them are 16 TiB
};

}  // namespace husk::memory
