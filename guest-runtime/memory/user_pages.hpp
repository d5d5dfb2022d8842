// SPDX-License-Identifier: Apache-2.0
// The frames behind a part of the application's memory, held while a device reads or writes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::memory {

class HeldPages {
public:
    static constexpr std::size_t max_parts = 256;  // 1 MiB of small pages

    // Physically contiguous.
    struct Part {
        abi::GuestPhys begin;
        std::uint64_t size_bytes;
    };

    HeldPages() = default;
    HeldPages(const HeldPages&) = delete;
    HeldPages& operator=(const HeldPages&) = delete;
    ~HeldPages();

    // Adds [address, address + size_bytes), faulting it in; returns how much of it: less when there is no room for more
    // parts, or where the memory ends. EFAULT when not even the first byte is there. for_write: the device will write.
    // May sleep.
    Result<std::uint64_t> add(std::uint64_t address, std::uint64_t size_bytes, bool for_write);
    [[nodiscard]] std::span<const Part> parts() const { return {parts_.data(), count_}; }

private:
    static constexpr std::size_t max_blocks = 4;  // large pages

    bool try_hold(std::uint64_t va, std::uint64_t size_bytes, bool for_write);

    std::array<Part, max_parts> parts_;
    std::array<bool, max_parts> has_reference_;  // on the frame of the part
    std::size_t count_ = 0;
    std::array<BlockHold, max_blocks> blocks_;
    std::size_t block_count_ = 0;
};

}  // namespace husk::memory
