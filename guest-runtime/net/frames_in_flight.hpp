// SPDX-License-Identifier: Apache-2.0
// Frames that devices have still to read, and the memory that is kept for them. All with the stack's lock held.
//
// A chunk of a TCP stream may be acknowledged while a copy of its segment still waits in a device's queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "guest-runtime/base/intrusive_list.hpp"

struct pbuf;

namespace husk::net {

struct SendChunk;

// One frame, and the packet buffers that it is made of, each with a reference that is its own.
class FrameInFlight : public ListNode<> {
public:
    // With room for `buffers`. nullptr when there is no memory.
    static FrameInFlight* create(std::size_t buffers);
    // Gives its references back.
    void destroy();

    // From here on what chunks hold is kept, until end().
    void begin();
    // The device has read it, or never will.
    void end();

    // The hash of its flow.
    [[nodiscard]] std::uint32_t flow() const { return flow_; }
    void set_flow(std::uint32_t flow) { flow_ = flow; }

    // Takes over a reference on each of `buffers`, which are no more than there is room for.
    void keep(std::span<pbuf* const> buffers);

private:
    friend void release_what_is_read();
    FrameInFlight() = default;
    [[nodiscard]] pbuf** buffers() {
        // SAFETY: create() allocates room_ pointers behind the object.
        return reinterpret_cast<pbuf**>(this + 1);
    }

    std::uint64_t number_ = 0;
    std::uint32_t flow_ = 0;
    std::uint16_t room_ = 0;
    std::uint16_t count_ = 0;
};

// Destroys `chunk` once every frame that was begun so far is done.
void retire(SendChunk* chunk);

}  // namespace husk::net
