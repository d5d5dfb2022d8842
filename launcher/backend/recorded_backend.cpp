// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/recorded_backend.hpp"

#include "launcher/backend/pieces.hpp"

namespace husk::backend {

FrameStatus RecordedBackend::send(std::uint32_t queue, std::span<const iovec> frame) {
    const FrameStatus status = network_->send(queue, frame);
    if (status == FrameStatus::done) {
        skip_front(frame, net_header_bytes, pieces_);
        file_.append(pieces_);
    }
    return status;
}

ReceivedFrame RecordedBackend::receive(std::uint32_t queue, std::span<const iovec> room) {
    const ReceivedFrame frame = network_->receive(queue, room);
    if (frame.status == FrameStatus::done && frame.size_bytes > net_header_bytes) {
        skip_front(room, net_header_bytes, pieces_);
        keep_front(pieces_, frame.size_bytes - net_header_bytes);
        file_.append(pieces_);
    }
    return frame;
}

}  // namespace husk::backend
