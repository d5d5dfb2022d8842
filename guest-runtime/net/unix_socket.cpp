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
        // One that is shut while this waits says so once it accepts another or is closed, as in Linux.
        if (listener->state() != State::listening || listener->reading_is_shut()) return Errno::econnrefused;
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

Credentials UnixSocket::own_credentials() { return {thread::process_id, 0, 0}; }

Result<Credentials> UnixSocket::peer_credentials() {
    bool has_peer = endpoint_->state() != State::fresh && type() != SocketType::datagram;
    return has_peer ? own_credentials() : Credentials{0, UINT32_MAX, UINT32_MAX};
}

unsigned UnixSocket::poll(unsigned) {
    using namespace fs;
    UnixEndpoint& end = *endpoint_;
    unsigned bits = 0;
    if (end.has_error()) bits |= poll_bit::error;
    if (end.reading_is_shut()) bits |= poll_bit::peer_closed | poll_bit::readable;
    if (end.reading_is_shut() && end.writing_is_shut()) bits |= poll_bit::hang_up;
    if (end.message_count() != 0 || end.has_pending()) bits |= poll_bit::readable;
    if (end.state() == State::listening) return bits;
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
