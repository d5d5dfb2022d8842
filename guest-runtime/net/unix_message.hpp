// SPDX-License-Identifier: Apache-2.0
// What waits in the inbox of a UNIX-domain socket: a datagram, or a piece of a stream.
#pragma once

#include <memory>

#include "guest-runtime/fs/heap_array.hpp"
#include "guest-runtime/net/files_in_flight.hpp"
#include "guest-runtime/net/message.hpp"

namespace husk::net {

class UnixMessage final : public ListNode<> {
public:
    UnixMessage() = default;
    UnixMessage(const UnixMessage&) = delete;
    UnixMessage& operator=(const UnixMessage&) = delete;
    // With no lock held: descriptions may end.
    ~UnixMessage() { (void)parcel.leave(); }

    // Takes `size_bytes` of `data`.
    static Result<std::unique_ptr<UnixMessage>> create(fs::IoBuffer& data, std::size_t size_bytes);

    [[nodiscard]] std::size_t size() const { return storage_.size() - begin_; }
    // What it weighs against the buffer limits.
    [[nodiscard]] std::size_t cost_bytes() const { return storage_.size() + sizeof *this; }
    // Copies out `size_bytes` behind the first `passed_bytes`; they stay.
    Result<> copy(fs::IoBuffer& to, std::size_t passed_bytes, std::size_t size_bytes) const {
        return to.put(storage_.data() + begin_ + passed_bytes, size_bytes);
    }
    void consume(std::size_t size_bytes) { begin_ += size_bytes; }

    Parcel parcel;
    Credentials sender{};
    Address from;
    bool was_seen = false;  // by MSG_PEEK

private:
    fs::HeapArray<std::byte> storage_;
    std::size_t begin_ = 0;
};

}  // namespace husk::net
