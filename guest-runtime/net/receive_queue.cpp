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

// The offset first: who has seen fewer bytes has the offset that goes with them, and does not go to sleep behind them.
void ReceiveQueue::count_out(std::size_t size_bytes, const PeekPlace& place) {
    place.move(size_bytes);
    bytes_.fetch_sub(size_bytes, std::memory_order_release);
}

bool ReceiveQueue::has_bytes_behind(const PeekOffset& offset) const {
    std::size_t there = bytes();  // before the offset: see count_out()
    return there > static_cast<std::size_t>(std::max(offset.load(), 0));
}

Result<std::size_t> ReceiveQueue::read(fs::IoBuffer& to, PeekOffset& offset) {
    Guard guard(reader_);
    const PeekPlace place(offset, false);
    take_arrivals();
    std::size_t done = 0;
    while (front_ != nullptr && to.remaining() != 0) {
        std::size_t size = std::min<std::size_t>(front_->len - offset_, to.remaining());
        auto put = to.put(static_cast<const std::byte*>(front_->payload) + offset_, size);
        if (!put.ok() && done == 0) return put.error();
        if (!put.ok()) break;
        done += size;
        offset_ += size;
        if (offset_ == front_->len) release_front();
    }
    count_out(done, place);
    return done;
}

Result<std::size_t> ReceiveQueue::peek(fs::IoBuffer& to, PeekOffset& offset) {
    Guard guard(reader_);
    const PeekPlace place(offset, true);
    take_arrivals();
    std::size_t done = 0;
    std::size_t passed = offset_ + place.passed_bytes();
    for (const pbuf* at = front_; at != nullptr && to.remaining() != 0; at = at->next) {
        std::size_t skipped = std::min<std::size_t>(at->len, passed);
        passed -= skipped;
        std::size_t size = std::min<std::size_t>(at->len - skipped, to.remaining());
        if (size == 0) continue;
        auto put = to.put(static_cast<const std::byte*>(at->payload) + skipped, size);
        if (!put.ok() && done == 0) return put.error();
        if (!put.ok()) break;
        done += size;
    }
    place.move(done);
    return done;
}

std::size_t ReceiveQueue::discard(std::size_t size_bytes, PeekOffset& offset) {
    Guard guard(reader_);
    const PeekPlace place(offset, false);
    std::size_t done = 0;
    for (take_arrivals(); front_ != nullptr && done < size_bytes;) {
        std::size_t size = std::min<std::size_t>(front_->len - offset_, size_bytes - done);
        done += size;
        offset_ += size;
        if (offset_ == front_->len) release_front();
    }
    count_out(done, place);
    return done;
}

void ReceiveQueue::drop() {
    PeekOffset none = -1;
    discard(SIZE_MAX, none);
}

}  // namespace husk::net
