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
    if (RefPtr<UnixEndpoint> writer = peer()) writer->waiters_.wake_writers();
}

// True when the message carries something that ends a receive.
Result<bool> UnixEndpoint::take_control(IncomingMessage& to, UnixMessage& message, bool pass_credentials) {
    bool peeks = (to.flags & message_flag::peek) != 0;
    if (pass_credentials && !to.control.credentials) to.control.credentials = message.sender;
    if (message.parcel.is_empty()) return false;
    to.control.files = peeks ? HUSK_TRY(message.parcel.duplicate()) : message.parcel.leave();
    return true;
}

Result<std::size_t> UnixEndpoint::receive_stream(IncomingMessage& to, bool pass_credentials, PeekOffset& peek_offset) {
    bool peeks = (to.flags & message_flag::peek) != 0;
    std::size_t done = 0;
    bool any = false;
    List<UnixMessage> finished;  // freed without the lock: their files may close
    Result<> failure;
    {
        Guard guard(mutex_);
        const PeekPlace look(peek_offset, peeks);
        std::size_t passed = look.passed_bytes();
        for (UnixMessage& message : inbox_) {
            if (passed != 0 && passed >= message.size()) {
                passed -= message.size();
                continue;
            }
            any = true;
            std::size_t bytes = std::min(message.size() - passed, to.data.remaining());
            auto copied = message.copy(to.data, passed, bytes);
            passed = 0;
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
        look.move(done);
    }
    while (UnixMessage* message = finished.pop_front()) delete message;
    if (!any) return Errno::eagain;
    if (done == 0 && !failure.ok()) return failure.error();
    if (done != 0 && !peeks) after_read();
    return done;
}

// The first message, or with `by_place` the one that has the byte `at` of all that wait, and the place in it.
UnixMessage* UnixEndpoint::first_to_see(bool by_place, std::size_t& at) {
    if (!by_place) return inbox_.front();
    for (UnixMessage& message : inbox_) {
        if (at < message.size() || (at == 0 && !message.was_seen)) return &message;
        at -= message.size();
    }
    return nullptr;
}

Result<std::size_t> UnixEndpoint::receive_message(IncomingMessage& to, bool pass_credentials, PeekOffset& peek_offset) {
    bool peeks = (to.flags & message_flag::peek) != 0;
    std::unique_ptr<UnixMessage> finished;
    std::size_t size = 0;
    std::size_t bytes = 0;
    {
        Guard guard(mutex_);
        const PeekPlace look(peek_offset, peeks);
        std::size_t passed = look.passed_bytes();
        // An empty one is looked at once.
        UnixMessage* message = first_to_see(peeks && look.is_on(), passed);
        if (message == nullptr) return Errno::eagain;
        size = message->size() - passed;
        bytes = std::min(size, to.data.remaining());
        HUSK_TRY(message->copy(to.data, passed, bytes));
        HUSK_TRY(take_control(to, *message, pass_credentials));
        to.from = message->from;
        look.move(peeks ? bytes : size);
        message->was_seen = peeks;
        if (!peeks) {
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
