// SPDX-License-Identifier: Apache-2.0
// Keeps memory that frames refer to until the devices have read them. All with the stack's lock held.
//
// A chunk of a TCP stream may be acknowledged while a copy of its segment still waits in a device's queue.
#pragma once

#include <array>
#include <cstdint>

namespace husk::net {

struct SendChunk;

// The frames that one device has still to read, which it does in order.
class FramesInFlight {
public:
    constexpr FramesInFlight() = default;
    FramesInFlight(const FramesInFlight&) = delete;
    FramesInFlight& operator=(const FramesInFlight&) = delete;

    void begin();
    // The oldest has been read.
    void end_oldest();
    // The newest will not be sent after all.
    void cancel_newest() { --count_; }
    // From now on retire() asks this device too.
    void attach();

private:
    friend void release_what_is_read();
    static constexpr std::uint32_t most = 512;  // a queue of 256, and one that is being put together

    std::array<std::uint64_t, most> numbers_{};
    std::uint32_t first_ = 0;
    std::uint32_t count_ = 0;
    FramesInFlight* next_ = nullptr;
};

// Destroys `chunk` once every frame that was begun so far is done.
void retire(SendChunk* chunk);

}  // namespace husk::net
