// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/net_sender.hpp"

#include <climits>
#include <utility>

namespace husk::devices {

namespace {

using backend::FrameStatus;

// What no backend need look at: too short for Ethernet, longer than any frame, or in too many pieces for one call.
bool is_frame(const virtio::Segments& readable) {
    return readable.size_bytes() >= backend::net_header_bytes + backend::ethernet_header_bytes &&
           readable.size_bytes() <= backend::net_header_bytes + backend::longest_frame_bytes &&
           readable.pieces().size() <= IOV_MAX;
}

}  // namespace

NetSender::SentFrame NetSender::send() {
    if (!held_) {
        auto chain = queue_.queue.try_take();
        if (!chain) return {};
        held_.emplace(std::move(*chain));
    }
    const virtio::Segments& readable = held_->readable();
    SentFrame sent{FrameStatus::dropped, 0};
    if (is_frame(readable)) {
        sent.status = backend_.send(backend_queue_, readable.pieces());
        sent.size_bytes = readable.size_bytes() - backend::net_header_bytes;
        if (sent.status == FrameStatus::again) return {};
    }
    complete();
    return sent;
}

NetSender::SentFrame NetSender::discard() {
    if (!held_) {
        auto chain = queue_.queue.try_take();
        if (!chain) return {};
        held_.emplace(std::move(*chain));
    }
    complete();
    return {FrameStatus::dropped, 0};
}

void NetSender::complete() {
    queue_.queue.complete(std::move(*held_), 0);
    held_.reset();
}

void NetSender::abandon() {
    if (held_) held_->abandon();
    held_.reset();
}

}  // namespace husk::devices
