// SPDX-License-Identifier: Apache-2.0
// The device's side of one receive queue: frames of the backend go straight into the driver's buffers [virtio 5.1.6.4].
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "launcher/backend/net_backend.hpp"
#include "launcher/virtio/device.hpp"

namespace husk::devices {

class NetReceiver final {
public:
    // longest_bytes: of a frame with its header. mergeable: a frame may fill several buffers. backend outlives this.
    NetReceiver(virtio::Device::NumberedQueue queue, std::uint32_t backend_queue, backend::NetBackend& backend,
                std::size_t longest_bytes, bool mergeable);

    // The next frame. again: none, or no buffers for one (is_starved). The bytes are without the header.
    [[nodiscard]] backend::ReceivedFrame receive();

    // The driver has to make buffers available before anything can be received.
    [[nodiscard]] bool is_starved() const { return is_starved_; }
    // From here on the driver notifies when it has. false: it has already.
    [[nodiscard]] bool arm() { return !is_starved_ || queue_.queue.arm(); }

    [[nodiscard]] virtio::Queue& queue() { return queue_.queue; }
    [[nodiscard]] std::uint32_t index() const { return queue_.index; }

    // The queue is no more.
    void abandon();

private:
    void stage();
    [[nodiscard]] backend::ReceivedFrame receive_aside();
    [[nodiscard]] backend::ReceivedFrame deliver_held();
    void finish(std::size_t size_bytes);

    virtio::Device::NumberedQueue queue_;
    const std::uint32_t backend_queue_;
    backend::NetBackend& backend_;
    const std::size_t longest_bytes_;
    const bool mergeable_;

    // Buffers that were taken and not used yet: enough of them for any frame, when the driver gives so many.
    std::deque<virtio::Chain> staged_;
    std::vector<iovec> pieces_;  // of all of them
    std::size_t room_bytes_ = 0;

    // A frame that came while there was less room than one may need.
    std::vector<std::byte> held_;
    std::size_t held_bytes_ = 0;
    bool is_starved_ = false;
};

}  // namespace husk::devices
