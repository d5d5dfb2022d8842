// SPDX-License-Identifier: Apache-2.0
// Bytes of a TCP stream from the network until the application reads them: lwIP's packet buffers, one behind the other.
#pragma once

#include <atomic>
#include <cstddef>

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/fs/io_buffer.hpp"
#include "guest-runtime/net/peek_place.hpp"
#include "guest-runtime/thread/mutex.hpp"

struct pbuf;

namespace husk::net {

class ReceiveQueue {
public:
    ~ReceiveQueue() { drop(); }

    // Takes a chain over. With the stack's lock held.
    void append(pbuf* chain);
    [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_acquire); }
    // Whether there is something behind `offset`. Without a lock: also while what is there is being taken.
    [[nodiscard]] bool has_bytes_behind(const PeekOffset& offset) const;
    // Moves what there is, up to the room in `to`. One reader at a time.
    Result<std::size_t> read(fs::IoBuffer& to, PeekOffset& offset);
    // Copies what there is behind `offset`; it stays.
    Result<std::size_t> peek(fs::IoBuffer& to, PeekOffset& offset);
    // Passes over bytes, as read() without copying (MSG_TRUNC on a stream).
    std::size_t discard(std::size_t size_bytes, PeekOffset& offset);
    void drop();

private:
    void take_arrivals();
    void count_out(std::size_t size_bytes, const PeekPlace& place);
    void release_front();

    thread::Mutex reader_;  // guards front_, back_, offset_
    pbuf* front_ = nullptr;
    pbuf* back_ = nullptr;
    std::size_t offset_ = 0;  // in front_

    Spinlock arrivals_lock_;
    pbuf* arrivals_ = nullptr;
    pbuf* newest_ = nullptr;
    std::atomic<std::size_t> bytes_ = 0;
};

}  // namespace husk::net
