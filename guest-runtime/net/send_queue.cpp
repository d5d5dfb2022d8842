// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/send_queue.hpp"

#include <algorithm>

#include <lwip/tcp.h>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/net/frames_in_flight.hpp"

namespace husk::net {

Result<SendChunk*> SendChunk::create(fs::IoBuffer& from, std::uint32_t size_bytes) {
    void* memory = heap::allocate(sizeof(SendChunk) + size_bytes);
    if (memory == nullptr) return Errno::enomem;
    auto* chunk = new (memory) SendChunk{nullptr, size_bytes, 0, false, 0};
    auto taken = from.take(chunk->data(), size_bytes);
    if (taken.ok()) return chunk;
    destroy(chunk);
    return taken.error();
}

void SendChunk::destroy(SendChunk* chunk) { heap::release(chunk, sizeof(SendChunk) + chunk->size_bytes); }

void SendQueue::drop() {
    while (first_ != nullptr) retire(std::exchange(first_, first_->next));
    unwritten_ = nullptr;
}

void SendQueue::append(SendChunk& chunk) {
    (first_ == nullptr ? first_ : last_->next) = &chunk;
    last_ = &chunk;
    if (unwritten_ == nullptr) unwritten_ = &chunk;
}

void SendQueue::write_to(tcp_pcb& pcb) {
    while (unwritten_ != nullptr) {
        bool more = unwritten_->next != nullptr || !unwritten_->pushes;
        auto size = static_cast<u16_t>(unwritten_->size_bytes);
        if (tcp_write(&pcb, unwritten_->data(), size, more ? TCP_WRITE_FLAG_MORE : 0) != ERR_OK) return;
        unwritten_ = unwritten_->next;
    }
}

std::size_t SendQueue::acknowledge(std::uint32_t size_bytes) {
    std::size_t freed = 0;
    while (size_bytes != 0 && first_ != nullptr) {
        std::uint32_t part = std::min(size_bytes, first_->size_bytes - first_->acknowledged_bytes);
        first_->acknowledged_bytes += part;
        size_bytes -= part;
        if (first_->acknowledged_bytes != first_->size_bytes) break;
        freed += first_->cost_bytes();
        retire(std::exchange(first_, first_->next));
    }
    return freed;
}

}  // namespace husk::net
