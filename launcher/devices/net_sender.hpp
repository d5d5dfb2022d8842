// SPDX-License-Identifier: Apache-2.0
// The device's side of one transmit queue: the driver's frames go to the backend as they lie in memory
// [virtio 5.1.6.2].
#pragma once

#include <cstdint>
#include <optional>

#include "launcher/backend/net_backend.hpp"
#include "launcher/virtio/device.hpp"

namespace husk::devices {

class NetSender final {
public:
    // backend outlives this object.
    NetSender(virtio::Device::NumberedQueue queue, std::uint32_t backend_queue, backend::NetBackend& backend)
        : queue_(std::move(queue)), backend_queue_(backend_queue), backend_(backend) {}

    struct SentFrame {
        backend::FrameStatus status = backend::FrameStatus::again;
        std::size_t size_bytes = 0;  // without the header
    };
    // The next frame. again: there is none, or no room for it (is_blocked).
    [[nodiscard]] SentFrame send();
    // The same without a backend: it goes nowhere.
    [[nodiscard]] SentFrame discard();

    // The backend has no room for the next frame.
    [[nodiscard]] bool is_blocked() const { return held_.has_value(); }
    // From here on the driver notifies when it makes a frame available. false: there is one already.
    [[nodiscard]] bool arm() { return is_blocked() || queue_.queue.arm(); }

    [[nodiscard]] virtio::Queue& queue() { return queue_.queue; }
    [[nodiscard]] std::uint32_t index() const { return queue_.index; }

    // The queue is no more.
    void abandon();

private:
    void complete();

    virtio::Device::NumberedQueue queue_;
    const std::uint32_t backend_queue_;
    backend::NetBackend& backend_;
    std::optional<virtio::Chain> held_;
};

}  // namespace husk::devices
