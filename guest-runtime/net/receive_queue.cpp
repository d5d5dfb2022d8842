// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/receive_queue.hpp"

#include <algorithm>

#include <lwip/pbuf.h>

namespace husk::net {

// The buffers' own `tot_len` counts 16 bits of one packet and means nothing here: `len` and `next` do.

void ReceiveQueue::append(pbuf* chain) {
    std::size_t size = 0;
    pbuf* last = chain;
    for (pbuf* part = chain; part != nullptr; part = part->next) {
        size += part->len;
        last = part;
    }
    Guard guard(arrivals_lock_);
    (arrivals_ == nullptr ? arrivals_ : newest_->next) = chain;
    newest_ = last;
    bytes_.fetch_add(size, std::memory_order_release);
}

// With reader_ held.
void ReceiveQueue::take_arrivals() {
    Guard guard(arrivals_lock_);
    if (arrivals_ == nullptr) return;
    (front_ == nullptr ? front_ : back_->next) = arrivals_;
    back_ = newest_;
    arrivals_ = newest_ = nullptr;
}

void ReceiveQueue::release_front() {
    pbuf* done = front_;
    front_ = done->next;
    offset_ = 0;
    done->next = nullptr;
    done->tot_len = done->len;
    pbuf_free(done);
}

Result<std::size_t> ReceiveQueue::read(fs::IoBuffer& to) {
    Guard guard(reader_);
    take_arrivals();
    std::size_t done = 0;
    while (front_ != nullptr && to.remaining() != 0) {
        std::size_t size = std::min<std::size_t>(front_->len - offset_, to.remaining());
        auto put = to.put(static_cast<const std::byte*>(front_->payload) + offset_, size);
        if (!put.ok()) return done != 0 ? Result<std::size_t>(done) : put.error();
        done += size;
        offset_ += size;
        bytes_.fetch_sub(size, std::memory_order_release);
        if (offset_ == front_->len) release_front();
    }
    return done;
}

Result<std::size_t> ReceiveQueue::peek(fs::IoBuffer& to, std::size_t passed_bytes) {
    Guard guard(reader_);
    take_arrivals();
    std::size_t done = 0;
    std::size_t passed = offset_ + passed_bytes;
    for (const pbuf* at = front_; at != nullptr && to.remaining() != 0; at = at->next) {
        std::size_t skipped = std::min<std::size_t>(at->len, passed);
        passed -= skipped;
        std::size_t size = std::min<std::size_t>(at->len - skipped, to.remaining());
        if (size == 0) continue;
        auto put = to.put(static_cast<const std::byte*>(at->payload) + skipped, size);
        if (!put.ok()) return done != 0 ? Result<std::size_t>(done) : put.error();
        done += size;
    }
    return done;
}

std::size_t ReceiveQueue::discard(std::size_t size_bytes) {
    Guard guard(reader_);
    std::size_t done = 0;
    for (take_arrivals(); front_ != nullptr && done < size_bytes;) {
        std::size_t size = std::min<std::size_t>(front_->len - offset_, size_bytes - done);
        done += size;
        offset_ += size;
        bytes_.fetch_sub(size, std::memory_order_release);
        if (offset_ == front_->len) release_front();
    }
    return done;
}

void ReceiveQueue::drop() { discard(SIZE_MAX); }

}  // namespace husk::net
