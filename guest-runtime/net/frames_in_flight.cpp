// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/frames_in_flight.hpp"

#include <algorithm>

#include "guest-runtime/net/send_queue.hpp"

namespace husk::net {

namespace {

// Frames of all devices are numbered as they begin; chunks wait in the order of the newest frame that may refer to
// them.
constinit std::uint64_t newest_number = 0;
constinit FramesInFlight* devices = nullptr;
constinit SendChunk* oldest = nullptr;
constinit SendChunk* newest = nullptr;

}  // namespace

void release_what_is_read() {
    std::uint64_t unread = UINT64_MAX;
    for (const FramesInFlight* device = devices; device != nullptr; device = device->next_) {
        if (device->count_ != 0) unread = std::min(unread, device->numbers_[device->first_]);
    }
    while (oldest != nullptr && oldest->retired_at < unread) {
        SendChunk* chunk = oldest;
        oldest = chunk->next;
        SendChunk::destroy(chunk);
    }
}

void FramesInFlight::begin() { numbers_[(first_ + count_++) % most] = ++newest_number; }

void FramesInFlight::end_oldest() {
    first_ = (first_ + 1) % most;
    --count_;
    release_what_is_read();
}

void FramesInFlight::attach() {
    next_ = devices;
    devices = this;
}

void retire(SendChunk* chunk) {
    chunk->retired_at = newest_number;
    chunk->next = nullptr;
    (oldest == nullptr ? oldest : newest->next) = chunk;
    newest = chunk;
    release_what_is_read();
}

}  // namespace husk::net
