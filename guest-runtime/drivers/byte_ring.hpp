// SPDX-License-Identifier: Apache-2.0
// Bytes from an interrupt handler to the code that it interrupts.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <span>

namespace husk {

// One side puts, one other takes at a time; Size is a power of two. The counters only grow, and wrap.
template <std::uint32_t Size>
class ByteRing {
public:
    static constexpr std::uint32_t capacity = Size;
    static_assert((Size & (Size - 1)) == 0);

    [[nodiscard]] bool is_empty() const {
        return taken_.load(std::memory_order_acquire) == put_.load(std::memory_order_acquire);
    }
    [[nodiscard]] bool is_full() const {
        return put_.load(std::memory_order_acquire) - taken_.load(std::memory_order_acquire) == Size;
    }
    // The caller knows that it is not full.
    void put(std::byte byte) {
        std::uint32_t at = put_.load(std::memory_order_relaxed);
        bytes_[at % Size] = byte;
        put_.store(at + 1, std::memory_order_release);
    }
    std::size_t take(std::span<std::byte> to) {
        std::uint32_t at = taken_.load(std::memory_order_relaxed);
        // Pairs with the release in put(): the bytes below are there.
        std::uint32_t filled = put_.load(std::memory_order_acquire) - at;
        std::size_t count = std::min<std::size_t>(to.size(), filled);
        for (std::size_t i = 0; i < count; ++i) to[i] = bytes_[(at + i) % Size];
        taken_.store(at + static_cast<std::uint32_t>(count), std::memory_order_release);
        return count;
    }

private:
    std::array<std::byte, Size> bytes_{};
    std::atomic<std::uint32_t> put_ = 0;
    std::atomic<std::uint32_t> taken_ = 0;
};

}  // namespace husk
