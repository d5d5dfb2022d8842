// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/net_receiver.hpp"

#include <algorithm>
#include <climits>
#include <cstddef>
#include <span>
#include <utility>

#include "launcher/backend/pieces.hpp"

namespace husk::devices {

using backend::FrameStatus;
using backend::ReceivedFrame;

NetReceiver::NetReceiver(virtio::Device::NumberedQueue queue, std::uint32_t backend_queue, backend::NetBackend& backend,
                         std::size_t longest_bytes, bool mergeable)
    : queue_(std::move(queue)),
      backend_queue_(backend_queue),
      backend_(backend),
      longest_bytes_(longest_bytes),
      mergeable_(mergeable) {}

void NetReceiver::stage() {
    while (room_bytes_ < longest_bytes_ && (mergeable_ || staged_.empty()) && pieces_.size() < IOV_MAX) {
        auto chain = queue_.queue.try_take();
        if (!chain) return;
        const std::span<iovec> writable = chain->writable().pieces();
        pieces_.insert(pieces_.end(), writable.begin(), writable.end());
        room_bytes_ += chain->writable().size_bytes();
        staged_.push_back(std::move(*chain));
    }
}

ReceivedFrame NetReceiver::receive() {
    stage();
    is_starved_ = room_bytes_ < backend::net_header_bytes;
    if (is_starved_) return {};
    if (held_bytes_ != 0) return deliver_held();
    if (room_bytes_ < longest_bytes_ || pieces_.size() > IOV_MAX) return receive_aside();
    const ReceivedFrame frame = backend_.receive(backend_queue_, pieces_);
    if (frame.status != FrameStatus::done) return frame;
    finish(frame.size_bytes);
    return {FrameStatus::done, frame.size_bytes - backend::net_header_bytes};
}

ReceivedFrame NetReceiver::receive_aside() {
    held_.resize(longest_bytes_);
    const iovec all{held_.data(), held_.size()};
    const ReceivedFrame frame = backend_.receive(backend_queue_, std::span(&all, 1));
    if (frame.status != FrameStatus::done) return frame;
    held_bytes_ = frame.size_bytes;
    return deliver_held();
}

ReceivedFrame NetReceiver::deliver_held() {
    const std::size_t size_bytes = held_bytes_;
    if (size_bytes > room_bytes_) {
        // Not even all of its buffers together would do: it will never fit.
        if (!mergeable_ || staged_.size() == queue_.queue.size()) {
            held_bytes_ = 0;
            return {FrameStatus::dropped, 0};
        }
        is_starved_ = true;
        return {};
    }
    backend::store_at(pieces_, 0, std::span(held_).first(size_bytes));
    held_bytes_ = 0;
    finish(size_bytes);
    return {FrameStatus::done, size_bytes - backend::net_header_bytes};
}

void NetReceiver::finish(std::size_t size_bytes) {
    std::uint16_t buffers = 0;
    for (std::size_t filled = 0; filled < size_bytes; ++buffers) filled += staged_[buffers].writable().size_bytes();
    // All of a frame's buffers become visible at once, after the header that counts them [virtio 5.1.6.4.1].
    backend::store_at(pieces_, offsetof(abi::virtio::NetHeader, buffer_count), std::as_bytes(std::span(&buffers, 1)));
    std::size_t used_pieces = 0;
    for (; buffers != 0; --buffers) {
        virtio::Chain& chain = staged_.front();
        const std::size_t chain_bytes = chain.writable().size_bytes();
        const std::size_t written_bytes = std::min(chain_bytes, size_bytes);
        size_bytes -= written_bytes;
        room_bytes_ -= chain_bytes;
        used_pieces += chain.writable().pieces().size();
        queue_.queue.put_back(std::move(chain), static_cast<std::uint32_t>(written_bytes));
        staged_.pop_front();
    }
    queue_.queue.publish();
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(used_pieces));
}

void NetReceiver::abandon() {
    for (virtio::Chain& chain : staged_) chain.abandon();
    staged_.clear();
}

}  // namespace husk::devices
