// SPDX-License-Identifier: Apache-2.0
// The launcher's end of the ring through which a guest sends records of its system calls (abi::TraceRing).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>

#include <husk/abi/trace_record.hpp>

#include "launcher/memory/guest_memory.hpp"

namespace husk::run {

// Any thread.
class TraceRingReader final {
public:
    using TakeBytes = std::function<void(std::span<const std::byte>)>;

    TraceRingReader(const memory::GuestMemory& memory, TakeBytes take_bytes)
        : memory_(memory), take_bytes_(std::move(take_bytes)) {}

    // Where the ring is. False: not in RAM, or too small for one.
    [[nodiscard]] bool attach(abi::GuestPhys at, std::uint64_t size_bytes);

    // Passes on what the guest has written since the last time.
    void drain();

private:
    const memory::GuestMemory& memory_;
    const TakeBytes take_bytes_;
    std::mutex mutex_;
    abi::TraceRing* ring_ = nullptr;  // shared with the guest
    std::span<const std::byte> data_;
    std::uint64_t consumed_ = 0;  // our own: what the guest says of it does not count
};

}  // namespace husk::run
