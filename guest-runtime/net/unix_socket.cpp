// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/unix_socket.hpp"

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/terminal.hpp"
#include "guest-runtime/net/interface_requests.hpp"
#include "guest-runtime/net/unix_names.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::net {

namespace {

using State = UnixEndpoint::State;

constexpr Credentials own_credentials = {thread::process_id, 0, 0};
constexpr std::size_t largest_piece_bytes = 32 << 10;  // of a stream: one unit of the heap

Result<RefPtr<Socket>> wrap(RefPtr<UnixEndpoint> endpoint, std::uint32_t flags) {
    RefPtr<fs::Inode> inode =
        HUSK_TRY((fs::make_ref_as<fs::Inode, fs::AnonymousInode>(fs::FileType::socket, "socket")));
    return fs::make_ref_as<Socket, UnixSocket>(std::move(inode), flags, std::move(endpoint));
}

}  // namespace

UnixSocket::UnixSocket(RefPtr<fs::Inode> inode, std::uint32_t flags, RefPtr<UnixEndpoint> endpoint)
    : Socket(std::move(inode), flags, Family::local, endpoint->type(), 0),
      endpoint_(std::move(endpoint)),
      vertex_(*this) {
    vertex_.own(*endpoint_);
}

UnixSocket::~UnixSocket() {
    release_unix_name(*endpoint_);
    vertex_.disown(*endpoint_);
    endpoint_->close();
    collect_unreachable();  // it may have been the way to others
}

Result<> UnixSocket::bind(const Address& address) { return bind_unix_name(*endpoint_, address); }

Result<> UnixSocket::connect(const Address& address) {
    if (type() != SocketType::datagram) return connect_stream(address);
    if (address.family() == Family::unspecified && address.size_bytes >= sizeof(std::uint16_t)) {
        endpoint_->set_peer({});
        return {};
    }
    RefPtr<UnixEndpoint> peer = HUSK_TRY(find_unix_name(address, type()));
    RefPtr<UnixEndpoint> its_peer = peer->peer();
    if (its_peer && its_peer != endpoint_) return Errno::eperm;
    endpoint_->set_peer(std::move(peer));
    return {};
}

Result<> UnixSocket::connect_stream(const Address& address) {
    RefPtr<UnixEndpoint> listener = HUSK_TRY(find_unix_name(address, type()));
    if (endpoint_->state() == State::connected) return Errno::eisconn;
    if (endpoint_->state() != State::fresh) return Errno::einval;
    RefPtr<UnixEndpoint> server_end = HUSK_TRY(make_ref<UnixEndpoint>(type()));
    server_end->name = unix_name_of(*listener);
    server_end->wait_at(listener);
    for (;;) {
        if (listener->state() != State::listening) return Errno::econnrefused;
        if (listener->has_room_to_offer()) {
            // Connected first: who accepts it may write at once.
            UnixEndpoint::connect_pair(*endpoint_, *server_end);
            auto offered = listener->offer(server_end);
            if (offered.ok()) return {};
            UnixEndpoint::part(*endpoint_, *server_end);
            if (offered.error() != Errno::eagain) return offered;
        }
        if (is_non_blocking()) return Errno::eagain;
        HUSK_TRY(wait_for(listener->waiters().writers, options_.send_timeout_ns,
                          [&] { return listener->has_room_to_offer(); }));
    }
}

Result<> UnixSocket::listen(int backlog) {
    if (type() == SocketType::datagram) return Errno::eopnotsupp;
    if (unix_name_of(*endpoint_).size_bytes <= sizeof(std::uint16_t)) return Errno::einval;
    return endpoint_->listen(backlog);
}

Result<RefPtr<Socket>> UnixSocket::accept(std::uint32_t flags) {
    if (type() == SocketType::datagram) return Errno::eopnotsupp;
    for (;;) {
        auto accepted = endpoint_->accept();
        if (accepted.ok()) return wrap(std::move(accepted).value(), flags);
        if (accepted.error() != Errno::eagain || is_non_blocking()) return accepted.error();
        HUSK_TRY(wait_for(endpoint_->waiters().readers, options_.receive_timeout_ns,
                          [this] { return endpoint_->has_pending() || endpoint_->reading_is_shut(); }));
    }
}

Result<Address> UnixSocket::name() { return unix_name_of(*endpoint_); }

Result<Address> UnixSocket::peer_name() {
    RefPtr<UnixEndpoint> peer = endpoint_->peer();
    if (!peer) return Errno::enotconn;
    return unix_name_of(*peer);
}

Result<> UnixSocket::shut_down(bool reading, bool writing) {
    endpoint_->shut_down(reading, writing);
    return {};
}

Result<Credentials> UnixSocket::peer_credentials() {
    bool has_peer = endpoint_->state() != State::fresh && type() != SocketType::datagram;
    return has_peer ? own_credentials : Credentials{0, UINT32_MAX, UINT32_MAX};
}

Result<std::unique_ptr<UnixMessage>> UnixSocket::make_message(OutgoingMessage& message, std::size_t size_bytes) {
    auto made = HUSK_TRY(UnixMessage::create(message.data, size_bytes));
    made->sender = message.control.credentials.value_or(own_credentials);
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
        return type() == SocketType::stream ? endpoint_->receive_stream(message, passes)
                                            : endpoint_->receive_message(message, passes);
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
    for (;;) {
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
        auto waited = wait_for(endpoint_->waiters().readers, options_.receive_timeout_ns, [this] {
            return endpoint_->message_count() != 0 || endpoint_->reading_is_shut() || endpoint_->has_error();
        });
        if (!waited.ok()) return done != 0 ? Result<std::size_t>(done) : waited.error();
    }
}

unsigned UnixSocket::poll(unsigned) {
    using namespace fs;
    UnixEndpoint& end = *endpoint_;
    if (end.state() == State::listening) return end.has_pending() ? poll_bit::readable : 0;
    unsigned bits = 0;
    if (end.has_error()) bits |= poll_bit::error;
    if (end.reading_is_shut()) bits |= poll_bit::peer_closed | poll_bit::readable;
    if (end.reading_is_shut() && end.writing_is_shut()) bits |= poll_bit::hang_up;
    if (end.message_count() != 0) bits |= poll_bit::readable;
    bool is_datagram = type() == SocketType::datagram;
    if (!is_datagram && end.state() == State::fresh) bits |= poll_bit::hang_up;
    RefPtr<UnixEndpoint> peer = end.peer();
    bool has_room =
        !peer || end.writing_is_shut() ||
        (is_datagram ? peer->has_room_for_datagram(end) : peer->has_room_for_stream(options_.send_buffer_bytes));
    if (has_room) bits |= poll_bit::writable | poll_bit::write_band;
    return bits;
}

Result<long> UnixSocket::ioctl(std::uint64_t request, std::uint64_t argument) {
    std::size_t count = 0;
    if (request == fs::ioctl_request::fionread) {
        if (is_listening()) return Errno::einval;
        count = endpoint_->bytes_to_read();
    } else if (request == fs::ioctl_request::tiocoutq) {
        RefPtr<UnixEndpoint> peer = endpoint_->peer();
        count = peer && type() != SocketType::datagram ? peer->inbox_bytes() : 0;
    } else {
        return interface_ioctl(request, argument);  // glibc asks any socket
    }
    HUSK_TRY(UserPtr<std::int32_t>(argument).store(static_cast<std::int32_t>(count)));
    return 0;
}

Result<RefPtr<Socket>> make_unix_socket(SocketType type, std::uint32_t flags) {
    return wrap(HUSK_TRY(make_ref<UnixEndpoint>(type)), flags);
}

Result<SocketPair> make_unix_socket_pair(SocketType type, std::uint32_t flags) {
    RefPtr<UnixEndpoint> one = HUSK_TRY(make_ref<UnixEndpoint>(type));
    RefPtr<UnixEndpoint> other = HUSK_TRY(make_ref<UnixEndpoint>(type));
    SocketPair pair;
    pair.first = HUSK_TRY(wrap(one, flags));
    pair.second = HUSK_TRY(wrap(other, flags));
    UnixEndpoint::connect_pair(*one, *other);
    return pair;
}

}  // namespace husk::net
