// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/frames_in_flight.hpp"

#include <algorithm>
#include <new>

#include <lwip/pbuf.h>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/net/send_queue.hpp"

namespace husk::net {

namespace {

// Frames of all devices are numbered as they begin, and are listed in that order; devices may finish them in any.
// Chunks wait in the order of the newest frame that may refer to them.
constinit std::uint64_t newest_number = 0;
constinit List<FrameInFlight> frames;
constinit SendChunk* oldest = nullptr;
constinit SendChunk* newest = nullptr;

}  // namespace

void release_what_is_read() {
    const std::uint64_t unread = frames.empty() ? UINT64_MAX : frames.front()->number_;
    while (oldest != nullptr && oldest->retired_at < unread) {
        SendChunk* chunk = oldest;
        oldest = chunk->next;
        SendChunk::destroy(chunk);
    }
}

FrameInFlight* FrameInFlight::create(std::size_t buffers) {
    void* memory = heap::allocate(sizeof(FrameInFlight) + buffers * sizeof(pbuf*));
    if (memory == nullptr) return nullptr;
    auto* frame = new (memory) FrameInFlight;
    frame->room_ = static_cast<std::uint16_t>(buffers);
    return frame;
}

void FrameInFlight::destroy() {
    for (std::size_t i = 0; i < count_; ++i) pbuf_free(buffers()[i]);
    heap::release(this, sizeof(FrameInFlight) + room_ * sizeof(pbuf*));
}

void FrameInFlight::begin() {
    number_ = ++newest_number;
    frames.push_back(*this);
}

void FrameInFlight::end() {
    unlink();
    release_what_is_read();
}

void FrameInFlight::keep(std::span<pbuf* const> kept) {
    std::ranges::copy(kept, buffers());
    count_ = static_cast<std::uint16_t>(kept.size());
}

void retire(SendChunk* chunk) {
    chunk->retired_at = newest_number;
    chunk->next = nullptr;
    (oldest == nullptr ? oldest : newest->next) = chunk;
    newest = chunk;
    release_what_is_read();
}

}  // namespace husk::net
