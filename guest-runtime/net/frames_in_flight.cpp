// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/frames_in_flight.hpp"

#include "guest-runtime/net/send_queue.hpp"

namespace husk::net {

namespace {

// Devices read frames in order, so counting them tells which are done.
constinit std::uint64_t begun = 0;
constinit std::uint64_t done = 0;
constinit SendChunk* oldest = nullptr;
constinit SendChunk* newest = nullptr;

}  // namespace

void note_frame_begun() { ++begun; }

void note_frame_done() {
    ++done;
    while (oldest != nullptr && oldest->retired_at <= done) {
        SendChunk* chunk = oldest;
        oldest = chunk->next;
        SendChunk::destroy(chunk);
    }
}

void retire(SendChunk* chunk) {
    if (begun == done) return SendChunk::destroy(chunk);
    chunk->retired_at = begun;
    chunk->next = nullptr;
    (oldest == nullptr ? oldest : newest->next) = chunk;
    newest = chunk;
}

}  // namespace husk::net
