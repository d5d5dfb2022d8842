// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/tcp_socket.hpp"

#include <algorithm>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/terminal.hpp"
#include "guest-runtime/net/interface_requests.hpp"
#include "guest-runtime/net/stack.hpp"

namespace husk::net {

namespace {

using State = TcpEndpoint::State;

constexpr std::uint32_t default_send_bytes = 1 << 20;
constexpr std::uint32_t default_receive_bytes = 1 << 20;
constexpr std::size_t least_send_room_bytes = 1;

Result<RefPtr<TcpSocket>> wrap(RefPtr<TcpEndpoint> endpoint, Family family, std::uint32_t flags) {
    RefPtr<fs::Inode> inode =
        HUSK_TRY((fs::make_ref_as<fs::Inode, fs::AnonymousInode>(fs::FileType::socket, "socket")));
    return make_ref<TcpSocket>(std::move(inode), flags, family, std::move(endpoint));
}

}  // namespace

TcpSocket::TcpSocket(RefPtr<fs::Inode> inode, std::uint32_t flags, Family family, RefPtr<TcpEndpoint> endpoint)
    : Socket(std::move(inode), flags, family, SocketType::stream, level_tcp), endpoint_(std::move(endpoint)) {
    options_.send_buffer_bytes = default_send_bytes;
    options_.receive_buffer_bytes = default_receive_bytes;
}

TcpSocket::~TcpSocket() {
    Linger how = options_.linger;
    bool resets = how.on != 0 && how.seconds == 0;
    if (how.on != 0 && !resets) linger(how.seconds);
    endpoint_->close(resets);
}

// SO_LINGER: close() waits until what was sent has arrived, for that long.
void TcpSocket::linger(std::int32_t seconds) {
    if (endpoint_->state() != State::connected || is_non_blocking()) return;
    auto timeout_ns = static_cast<std::uint64_t>(seconds) * 1'000'000'000;
    (void)endpoint_->shut_down(false, true);
    (void)wait_for(endpoint_->waiters().writers, timeout_ns, [this] {
        (void)endpoint_->room(1);  // asks to be woken
        return endpoint_->unsent_bytes() == 0 || endpoint_->state() == State::ended;
    });
}

Result<> TcpSocket::bind(const Address& address) {
    return endpoint_->bind(HUSK_TRY(own_endpoint(address, family(), ip_.only_ipv6)), is_free_to_bind());
}

Result<> TcpSocket::connect(const Address& address) {
    if (address.size_bytes >= sizeof(std::uint16_t) && address.family() == Family::unspecified) {
        endpoint_->disconnect();
        return {};
    }
    InetEndpoint to = HUSK_TRY(inet_endpoint(address, family(), ip_.only_ipv6));
    // A blocking call that a signal interrupted goes on with the connection that it began.
    if (endpoint_->state() != State::connecting || is_non_blocking()) {
        auto begun = endpoint_->connect(to);
        if (begun.ok() || begun.error() != Errno::einprogress) return begun;
        if (endpoint_->state() == State::connected) return {};  // to this machine itself
        if (is_non_blocking() && !endpoint_->has_error()) return Errno::einprogress;
    }
    return wait_for_connection();
}

Result<> TcpSocket::wait_for_connection() {
    auto waited = wait_for(endpoint_->waiters().writers, options_.send_timeout_ns,
                           [this] { return endpoint_->state() != State::connecting; });
    if (!waited.ok()) return waited.error() == Errno::eagain ? Errno::einprogress : waited.error();
    if (int error = endpoint_->take_error()) return static_cast<Errno>(error);
    return endpoint_->state() == State::connected ? Result<>() : Errno::econnaborted;
}

// Everything that the listener was told, but for the priority.
void TcpSocket::copy_options(InheritedOptions& to) const {
    to.options = options_;
    to.ip = ip_;
    to.corked = corked_;
    to.quick_acks = quick_acks_;
    to.tells_unread = tells_unread_;
    (void)to.options.remembered.set(level_socket, socket_option::priority, 0);  // a value that is never refused
}

Result<> TcpSocket::bequeath_options() {
    auto inherited = HUSK_TRY(make_ref<InheritedOptions>());
    endpoint_->bequeath(std::move(inherited), [this](InheritedOptions& to) { copy_options(to); });
    return {};
}

Result<> TcpSocket::listen(int backlog) {
    auto inherited = HUSK_TRY(make_ref<InheritedOptions>());
    return endpoint_->listen(backlog, std::move(inherited), [this](InheritedOptions& to) { copy_options(to); });
}

Result<RefPtr<Socket>> TcpSocket::accept(std::uint32_t flags) {
    for (;;) {
        auto accepted = endpoint_->accept();
        if (accepted.ok()) {
            RefPtr<TcpEndpoint> end = std::move(accepted).value();
            RefPtr<InheritedOptions> inherited = end->take_inherited();
            auto wrapped = wrap(end, family(), flags);
            if (!wrapped.ok()) {
                end->close(true);  // nobody else will
                return wrapped.error();
            }
            RefPtr<TcpSocket> socket = std::move(wrapped).value();
            socket->options_ = inherited->options;
            socket->ip_ = inherited->ip;
            socket->corked_ = inherited->corked;
            socket->quick_acks_ = inherited->quick_acks;
            socket->tells_unread_ = inherited->tells_unread;
            return RefPtr<Socket>(std::move(socket));
        }
        if (accepted.error() != Errno::eagain || is_non_blocking()) return accepted.error();
        HUSK_TRY(wait_for(endpoint_->waiters().readers, options_.receive_timeout_ns,
                          [this] { return endpoint_->has_pending() || !is_listening(); }));
    }
}

Result<Address> TcpSocket::name() {
    InetEndpoint local = endpoint_->local();
    return inet_address(local.address, local.port, family());
}

Result<Address> TcpSocket::peer_name() {
    InetEndpoint remote = HUSK_TRY(endpoint_->remote());
    return inet_address(remote.address, remote.port, family());
}

Result<Address> TcpSocket::accepted_name() {
    InetEndpoint remote = endpoint_->accepted_from();
    return inet_address(remote.address, remote.port, family());
}

Result<> TcpSocket::check_sending() {
    if (int error = endpoint_->has_error() ? endpoint_->take_error() : 0) return static_cast<Errno>(error);
    bool may_send = endpoint_->state() == State::connected || endpoint_->state() == State::connecting;
    return may_send && !endpoint_->has_ended_writing() ? Result<>() : Errno::epipe;
}

Result<std::size_t> TcpSocket::send(OutgoingMessage& message) {
    if ((message.flags & message_flag::out_of_band) != 0) return Errno::eopnotsupp;
    HUSK_TRY(check_sending());
    std::size_t done = 0;
    bool holds_end = (message.flags & message_flag::more) != 0 || corked_;
    while (message.data.remaining() != 0) {
        std::size_t room = endpoint_->room(options_.send_buffer_bytes);
        if (room == 0 || endpoint_->state() == State::connecting) {
            if (!waits(message.flags)) return done != 0 ? Result<std::size_t>(done) : Errno::eagain;
            auto waited = wait_for(endpoint_->waiters().writers, options_.send_timeout_ns, [this] {
                return endpoint_->has_ended_writing() ||
                       (endpoint_->state() != State::connecting &&
                        endpoint_->room(options_.send_buffer_bytes) >= least_send_room_bytes);
            });
            auto may_send = waited.ok() ? check_sending() : waited;
            if (!may_send.ok()) return done != 0 ? Result<std::size_t>(done) : may_send.error();
            continue;
        }
        std::size_t size = std::min<std::size_t>(
            {message.data.remaining(), std::max<std::size_t>(room, 512), SendChunk::largest_bytes});
        auto chunk = SendChunk::create(message.data, static_cast<std::uint32_t>(size));
        if (!chunk.ok()) return done != 0 ? Result<std::size_t>(done) : chunk.error();
        bool is_last = message.data.remaining() == 0;
        chunk.value()->pushes = is_last && !holds_end;
        auto sent = endpoint_->send(*chunk.value(), is_last && holds_end);
        if (!sent.ok()) {
            SendChunk::destroy(chunk.value());
            return done != 0 ? Result<std::size_t>(done) : sent.error();
        }
        done += size;
    }
    return done;
}

bool TcpSocket::has_bytes(std::uint32_t message_flags) const {
    if ((message_flags & message_flag::peek) == 0) return endpoint_->bytes_to_read() != 0;
    return endpoint_->has_bytes_behind(options_.peek_offset);
}

// What there is, without waiting. EAGAIN; 0 at the end.
Result<std::size_t> TcpSocket::receive_now(IncomingMessage& message) {
    bool peeks = (message.flags & message_flag::peek) != 0;
    // In this order: the end is announced behind the last bytes.
    bool ended = endpoint_->has_ended_reading(), peer_ended = endpoint_->has_peer_ended();
    if (has_bytes(message.flags)) {
        std::size_t bytes = 0;
        if (peeks) {
            bytes = HUSK_TRY(endpoint_->peek(message.data, options_.peek_offset));
        } else if ((message.flags & message_flag::truncated) == 0) {
            bytes = HUSK_TRY(endpoint_->read(message.data, options_.peek_offset));
        } else {
            bytes = endpoint_->discard(message.data.remaining(), options_.peek_offset);
            message.data.skip(bytes);
        }
        if (bytes != 0) return bytes;  // else another reader was faster
    }
    if (peer_ended) return 0;  // as on Linux, whatever has happened since
    if (int error = endpoint_->has_error() ? endpoint_->take_error() : 0) return static_cast<Errno>(error);
    if (ended) return 0;
    if (endpoint_->state() == State::fresh || endpoint_->state() == State::listening) return Errno::enotconn;
    return Errno::eagain;
}

Result<std::size_t> TcpSocket::receive(IncomingMessage& message) {
    std::size_t bytes = HUSK_TRY(receive_bytes(message));
    // Linux counts the end as one more.
    if (tells_unread_) {
        std::size_t unread = endpoint_->bytes_to_read() + (endpoint_->has_ended_reading() ? 1 : 0);
        message.control.unread_bytes = static_cast<std::int32_t>(unread);
    }
    return bytes;
}

Result<std::size_t> TcpSocket::receive_bytes(IncomingMessage& message) {
    if ((message.flags & message_flag::out_of_band) != 0) return Errno::einval;
    if ((message.flags & message_flag::error_queue) != 0) return Errno::eagain;
    bool peeks = (message.flags & message_flag::peek) != 0;
    bool wants_all = (message.flags & message_flag::wait_all) != 0 && !peeks;
    if (message.data.remaining() == 0) return 0;
    std::size_t done = 0;
    const std::uint32_t disconnects = endpoint_->disconnects();
    auto is_disconnected = [&] { return endpoint_->disconnects() != disconnects; };
    for (;;) {
        auto got = receive_now(message);
        if (got.ok()) {
            done += got.value();
            if (!wants_all || got.value() == 0 || message.data.remaining() == 0) return done;
            continue;
        }
        if (got.error() != Errno::eagain || !waits(message.flags)) {
            return done != 0 ? Result<std::size_t>(done) : got.error();
        }
        auto has_some = [&] {
            return has_bytes(message.flags) || endpoint_->has_ended_reading() || endpoint_->has_error() ||
                   is_disconnected();
        };
        // Readers of a stream share its bytes and its end: one may leave some to the next, or only look at them.
        auto waited =
            wait_for(endpoint_->waiters().readers, options_.receive_timeout_ns, has_some, thread::Turn::shared);
        if (waited.ok() && is_disconnected()) waited = Errno::epipe;
        if (!waited.ok()) return done != 0 ? Result<std::size_t>(done) : waited.error();
    }
}

unsigned TcpSocket::poll(unsigned) {
    using namespace fs;
    TcpEndpoint& end = *endpoint_;
    State state = end.state();
    if (state == State::listening) return end.has_pending() ? poll_bit::readable : 0;
    unsigned bits = 0;
    if (end.has_error()) bits |= poll_bit::error;
    bool no_reading = end.has_ended_reading(), no_writing = end.has_ended_writing();
    if ((no_reading && no_writing) || state == State::fresh || state == State::ended) bits |= poll_bit::hang_up;
    if (no_reading) bits |= poll_bit::readable | poll_bit::peer_closed;
    if (state == State::connecting) return bits;
    if (end.bytes_to_read() != 0) bits |= poll_bit::readable;
    if (no_writing || end.is_writable(options_.send_buffer_bytes)) bits |= poll_bit::writable;
    return bits;
}

Result<long> TcpSocket::ioctl(std::uint64_t request, std::uint64_t argument) {
    constexpr std::uint64_t siocatmark = 0x8905;
    std::size_t count = 0;
    switch (request) {
        case fs::ioctl_request::fionread:
            if (is_listening()) return Errno::einval;
            count = endpoint_->bytes_to_read();
            break;
        case fs::ioctl_request::tiocoutq:
            if (is_listening()) return Errno::einval;
            count = endpoint_->unsent_bytes();
            break;
        case siocatmark:
            break;
        default:
            return interface_ioctl(request, argument);
    }
    HUSK_TRY(UserPtr<std::int32_t>(argument).store(static_cast<std::int32_t>(count)));
    return 0;
}

Result<RefPtr<Socket>> make_tcp_socket(Family family, std::uint32_t flags) {
    start_stack();
    return RefPtr<Socket>(HUSK_TRY(wrap(HUSK_TRY(make_ref<TcpEndpoint>(family == Family::inet6)), family, flags)));
}

}  // namespace husk::net
