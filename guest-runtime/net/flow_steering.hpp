// SPDX-License-Identifier: Apache-2.0
// By which of a device's queue pairs the frames of a flow go out.
//
// The device brings a flow's frames by the pair of the queue that sent for it last [virtio 5.1.6.5.6]. So a flow
// follows the vCPU that sends for the application; but it changes queues only when the device has read all that was
// sent before, and so keeps its order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace husk::net {

// What all frames of one direction of a connection have in common: addresses, and ports of TCP and UDP. `frame` from
// its Ethernet header on, as much of it as lies in one piece. 0 for what is no IP packet.
std::uint32_t flow_hash(std::span<const std::byte> frame);

// Not locked. Flows whose hashes agree in the lowest bits share their way.
class FlowSteering {
public:
    static constexpr std::size_t buckets = 256;

    // The queue for the next frame of a flow. `wanted` is the sender's own, which the flow takes when it `may_move` or
    // has none yet.
    std::uint16_t choose(std::uint32_t hash, std::uint16_t wanted, bool may_move);
    // For each frame: given to the device, and read by it.
    void begin(std::uint32_t hash) { ++buckets_[hash % buckets].unread; }
    void end(std::uint32_t hash) { --buckets_[hash % buckets].unread; }

private:
    struct Bucket {
        std::uint16_t queue_and_one = 0;  // 0: none yet
        std::uint16_t unread = 0;         // frames
    };
    std::array<Bucket, buckets> buckets_{};
};

}  // namespace husk::net
