// SPDX-License-Identifier: Apache-2.0
// What an AF_UNIX socket sends and receives.
#include <algorithm>

#include "guest-runtime/net/unix_names.hpp"
#include "guest-runtime/net/unix_socket.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::net {

namespace {

using State = UnixEndpoint::State;

constexpr std::size_t largest_piece_bytes = 32 << 10;  // of a stream: one unit of the heap

}  // namespace

Result<std::unique_ptr<UnixMessage>> UnixSocket::make_message(OutgoingMessage& message, std::size_t size_bytes) {
    auto made = HUSK_TRY(UnixMessage::create(message.data, size_bytes));
    made->sender = message.control.credentials.value_or(own_credentials());
    made->parcel.files = std::move(message.control.files);
    return made;
}

Result<RefPtr<UnixEndpoint>> UnixSocket::connected_peer() {
    if (endpoint_->writing_is_shut()) return Errno::epipe;
    RefPtr<UnixEndpoint> peer = endpoint_->peer();
    if (!peer) return Errno::enotconn;
    return peer;
}

Result<> UnixSocket::wait_for_room(UnixEndpoint& peer, bool may_wait) {
    if (!may_wait) {
        (void)peer.has_room_for_stream(options_.send_buffer_bytes);
        return Errno::eagain;
    }
    return wait_for(endpoint_->waiters().writers, options_.send_timeout_ns, [&] {
        return endpoint_->writing_is_shut() || peer.has_room_for_stream(options_.send_buffer_bytes);
    });
}

Result<std::size_t> UnixSocket::send(OutgoingMessage& message) {
    if ((message.flags & message_flag::out_of_band) != 0) return Errno::eopnotsupp;
    if (message.control.credentials && message.control.credentials->pid != thread::process_id) return Errno::esrch;
    switch (type()) {
        case SocketType::stream:
            return send_stream(message);
        case SocketType::sequenced:
            return send_sequenced(message);
        default:
            return send_datagram(message);
    }
}

Result<std::size_t> UnixSocket::send_stream(OutgoingMessage& message) {
    if (!message.to.is_empty()) {
        return endpoint_->state() == State::connected ? Errno::eisconn : Errno::eopnotsupp;
    }
    std::size_t done = 0;
    std::unique_ptr<UnixMessage> piece;
    while (message.data.remaining() != 0 || piece) {
        auto peer = connected_peer();
        if (!peer.ok()) return done != 0 ? Result<std::size_t>(done) : peer.error();
        if (!piece) {
            auto made = make_message(message, std::min(message.data.remaining(), largest_piece_bytes));
            if (!made.ok()) return done != 0 ? Result<std::size_t>(done) : made.error();
            piece = std::move(made).value();
        }
        std::size_t size = piece->size();
        auto delivered = peer.value()->deliver(piece, *endpoint_, options_.send_buffer_bytes);
        if (delivered.ok()) {
            done += size;
            continue;
        }
        auto waited =
            delivered.error() == Errno::eagain ? wait_for_room(*peer.value(), waits(message.flags)) : delivered;
        if (!waited.ok()) return done != 0 ? Result<std::size_t>(done) : waited.error();
    }
    if (done == 0) HUSK_TRY(connected_peer());
    return done;
}

Result<std::size_t> UnixSocket::send_sequenced(OutgoingMessage& message) {
    if (!message.to.is_empty()) {
        return endpoint_->state() == State::connected ? Errno::eisconn : Errno::eopnotsupp;
    }
    std::size_t size = message.data.remaining();
    if (size > options_.send_buffer_bytes - 32) return Errno::emsgsize;
    HUSK_TRY(connected_peer());
    auto whole = HUSK_TRY(make_message(message, size));
    for (;;) {
        RefPtr<UnixEndpoint> peer = HUSK_TRY(connected_peer());
        auto delivered = peer->deliver(whole, *endpoint_, options_.send_buffer_bytes);
        if (delivered.ok()) return size;
        if (delivered.error() != Errno::eagain) return delivered.error();
        HUSK_TRY(wait_for_room(*peer, waits(message.flags)));
    }
}

Result<std::size_t> UnixSocket::send_datagram(OutgoingMessage& message) {
    std::size_t size = message.data.remaining();
    if (endpoint_->writing_is_shut()) return Errno::epipe;
    RefPtr<UnixEndpoint> to = message.to.is_empty() ? endpoint_->peer() : HUSK_TRY(find_unix_name(message.to, type()));
    if (!to) return Errno::enotconn;
    if (size > options_.send_buffer_bytes - 32) return Errno::emsgsize;
    auto whole = HUSK_TRY(make_message(message, size));
    whole->from = unix_name_of(*endpoint_);
    for (;;) {
        auto delivered = to->deliver(whole, *endpoint_, options_.send_buffer_bytes);
        if (delivered.ok()) return size;
        // A receiver that is gone is no longer this socket's peer.
        if (delivered.error() == Errno::econnrefused && message.to.is_empty()) endpoint_->set_peer({});
        if (delivered.error() != Errno::eagain || !waits(message.flags)) return delivered.error();
        HUSK_TRY(wait_for(to->space(), options_.send_timeout_ns, [&] {
            return to->state() == State::closed || to->message_count() < UnixEndpoint::most_datagrams;
        }));
    }
}

// What there is, without waiting. EAGAIN; 0 at the end of a stream.
Result<std::size_t> UnixSocket::receive_now(IncomingMessage& message) {
    bool passes = options_.pass_credentials;
    if (endpoint_->message_count() != 0) {
        auto got = type() == SocketType::stream ? endpoint_->receive_stream(message, passes, options_.peek_offset)
                                                : endpoint_->receive_message(message, passes, options_.peek_offset);
        if (got.ok() || got.error() != Errno::eagain) return got;
    }
    if (int error = endpoint_->take_error()) return static_cast<Errno>(error);
    if (endpoint_->reading_is_shut()) return 0;
    if (type() != SocketType::datagram && endpoint_->state() != State::connected) {
        return type() == SocketType::stream ? Errno::einval : Errno::enotconn;
    }
    return Errno::eagain;
}

Result<std::size_t> UnixSocket::receive(IncomingMessage& message) {
    if ((message.flags & message_flag::out_of_band) != 0) return Errno::eopnotsupp;
    bool wants_all = (message.flags & message_flag::wait_all) != 0 && (message.flags & message_flag::peek) == 0 &&
                     type() == SocketType::stream;
    std::size_t done = 0;
    bool peeks = (message.flags & message_flag::peek) != 0;
    for (;;) {
        std::uint64_t seen = endpoint_->arrivals();
        auto got = receive_now(message);
        if (got.ok()) {
            done += got.value();
            bool is_end = got.value() == 0 || message.control.files.count() != 0;
            if (!wants_all || is_end || message.data.remaining() == 0) return done;
            continue;
        }
        if (got.error() != Errno::eagain || !waits(message.flags)) {
            return done != 0 ? Result<std::size_t>(done) : got.error();
        }
        auto has_some = [&] {
            return (peeks ? endpoint_->arrivals() != seen : endpoint_->message_count() != 0) ||
                   endpoint_->reading_is_shut() || endpoint_->has_error();
        };
        // Readers of a stream share its bytes and its end: one may leave some to the next. Who only looks leaves all.
        auto turn = type() == SocketType::stream || peeks ? thread::Turn::shared : thread::Turn::exclusive;
        auto waited = wait_for(endpoint_->waiters().readers, options_.receive_timeout_ns, has_some, turn);
        if (!waited.ok()) return done != 0 ? Result<std::size_t>(done) : waited.error();
    }
}

}  // namespace husk::net
