// SPDX-License-Identifier: Apache-2.0
// The reading side of a UNIX-domain endpoint.
#include <algorithm>

#include "guest-runtime/net/unix_endpoint.hpp"

namespace husk::net {

// The inbox has become smaller: tells those who wait to fill it.
void UnixEndpoint::after_read() {
    if (is_datagram()) {
        space_.wake_one();
        return;
    }
    if (!peer_wants_space_.exchange(false, std::memory_order_seq_cst)) return;
    if (RefPtr<UnixEndpoint> writer = peer()) writer->waiters_.wake_writer();
}

// True when the message carries something that ends a receive.
Result<bool> UnixEndpoint::take_control(IncomingMessage& to, UnixMessage& message, bool pass_credentials) {
    bool peeks = (to.flags & message_flag::peek) != 0;
    if (pass_credentials && !to.control.credentials) to.control.credentials = message.sender;
    if (message.parcel.is_empty()) return false;
    to.control.files = peeks ? HUSK_TRY(message.parcel.duplicate()) : message.parcel.leave();
    return true;
}

Result<std::size_t> UnixEndpoint::receive_stream(IncomingMessage& to, bool pass_credentials) {
    bool peeks = (to.flags & message_flag::peek) != 0;
    std::size_t done = 0;
    List<UnixMessage> finished;  // freed without the lock: their files may close
    Result<> failure;
    {
        Guard guard(mutex_);
        for (UnixMessage& message : inbox_) {
            std::size_t bytes = std::min(message.size(), to.data.remaining());
            auto copied = message.copy(to.data, bytes);
            if (!copied.ok()) {
                failure = copied;
                break;
            }
            done += bytes;
            auto ends = take_control(to, message, pass_credentials);
            if (!ends.ok()) failure = ends.error();
            if (!peeks) {
                message.consume(bytes);
                if (message.size() == 0) {
                    forget_message(message);
                    finished.push_back(message);
                }
            }
            if (to.data.remaining() == 0 || !ends.ok() || ends.value()) break;
        }
    }
    while (UnixMessage* message = finished.pop_front()) delete message;
    if (done == 0 && !failure.ok()) return failure.error();
    if (done != 0 && !peeks) after_read();
    return done;
}

Result<std::size_t> UnixEndpoint::receive_message(IncomingMessage& to, bool pass_credentials) {
    std::unique_ptr<UnixMessage> finished;
    std::size_t size = 0;
    std::size_t bytes = 0;
    {
        Guard guard(mutex_);
        UnixMessage* message = inbox_.front();
        if (message == nullptr) return Errno::eagain;
        size = message->size();
        bytes = std::min(size, to.data.remaining());
        HUSK_TRY(message->copy(to.data, bytes));
        HUSK_TRY(take_control(to, *message, pass_credentials));
        to.from = message->from;
        if ((to.flags & message_flag::peek) == 0) {
            forget_message(*message);
            finished.reset(message);
        }
    }
    if (finished) after_read();
    if (bytes < size) to.result_flags |= message_flag::truncated;
    if (type_ == SocketType::sequenced) to.result_flags |= message_flag::end_of_record;
    return (to.flags & message_flag::truncated) != 0 ? size : bytes;
}

std::size_t UnixEndpoint::bytes_to_read() {
    Guard guard(mutex_);
    std::size_t total = 0;
    for (UnixMessage& message : inbox_) {
        total += message.size();
        if (type_ != SocketType::stream) break;
    }
    return total;
}

}  // namespace husk::net
