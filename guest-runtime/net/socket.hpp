// SPDX-License-Identifier: Apache-2.0
// A socket of any family: the calls of socket(2) and its kin, as an open file.
#pragma once

#include <cstdint>
#include <span>

#include "guest-runtime/fs/file.hpp"
#include "guest-runtime/net/message.hpp"
#include "guest-runtime/net/socket_options.hpp"
#include "guest-runtime/net/socket_waiters.hpp"

namespace husk::net {

enum class SocketType : std::uint32_t { stream = 1, datagram = 2, raw = 3, sequenced = 5 };

class Socket : public fs::File {
public:
    Socket(RefPtr<fs::Inode> inode, std::uint32_t flags, Family family, SocketType type, int protocol)
        : File(fs::FileKind::socket, std::move(inode), flags | fs::open_flag::read_write),
          family_(family),
          type_(type),
          protocol_(protocol) {}

    [[nodiscard]] Family family() const { return family_; }
    [[nodiscard]] SocketType type() const { return type_; }
    [[nodiscard]] int protocol() const { return protocol_; }

    // Each answers with the errno that Linux gives where a family or type does not serve the call.
    virtual Result<> bind(const Address&) { return Errno::eopnotsupp; }
    // EINPROGRESS when it would have to wait and is_non_blocking().
    virtual Result<> connect(const Address&) { return Errno::eopnotsupp; }
    virtual Result<> listen(int /*backlog*/) { return Errno::eopnotsupp; }
    // A new connection, with `flags` (O_NONBLOCK) of its own.
    virtual Result<RefPtr<Socket>> accept(std::uint32_t /*flags*/) { return Errno::eopnotsupp; }
    virtual Result<Address> name() { return Errno::eopnotsupp; }
    virtual Result<Address> peer_name() { return Errno::eopnotsupp; }
    // What accept(2) tells of the peer, who may have gone again already.
    virtual Result<Address> accepted_name() { return peer_name(); }
    virtual Result<> shut_down(bool /*reading*/, bool /*writing*/) { return Errno::eopnotsupp; }

    // A short count is no error for streams. EPIPE raises no signal here. EAGAIN: would wait, and is_non_blocking(),
    // MSG_DONTWAIT or a timeout says not to (any longer).
    virtual Result<std::size_t> send(OutgoingMessage& message) = 0;
    virtual Result<std::size_t> receive(IncomingMessage& message) = 0;

    // setsockopt(2), getsockopt(2). The base serves SOL_SOCKET's common ones; ENOPROTOOPT for the unknown.
    virtual Result<> set_option(int level, int option, std::span<const std::byte> value);
    // Writes the value, cut to `to`, and returns its length.
    virtual Result<std::size_t> get_option(int level, int option, std::span<std::byte> to);

    Result<std::size_t> read(fs::IoBuffer& to, std::optional<std::uint64_t>) final;
    Result<std::size_t> write(fs::IoBuffer& from, std::optional<std::uint64_t>) final;
    Result<std::uint64_t> seek(std::int64_t, int) final { return Errno::espipe; }
    // send() as the system calls have it: EPIPE raises SIGPIPE for streams unless MSG_NOSIGNAL.
    Result<std::size_t> send_signalling(OutgoingMessage& message);

protected:
    // SO_ERROR: the pending error, which asking clears; 0: none.
    virtual int take_error() { return 0; }
    [[nodiscard]] virtual bool is_listening() { return false; }
    // Those of RememberedOptions.
    Result<> remember(int level, int option, std::span<const std::byte> value);
    [[nodiscard]] std::size_t recall(int level, int option, std::span<std::byte> to) const;
    // IP_FREEBIND
    [[nodiscard]] bool is_free_to_bind() const;
    // A common option has just changed.
    virtual void on_option_changed(int /*option*/) {}
    // SO_PEERCRED
    virtual Result<Credentials> peer_credentials() { return Credentials{0, UINT32_MAX, UINT32_MAX}; }

    [[nodiscard]] bool waits(std::uint32_t message_flags) const {
        return !is_non_blocking() && (message_flags & message_flag::dont_wait) == 0;
    }

    // Sleeps on `queue` until ready(), bounded by SO_RCVTIMEO or SO_SNDTIMEO. EAGAIN when that is over; EINTR instead
    // of ERESTART when there is one, as on Linux.
    template <class Ready>
    Result<> wait_for(thread::WaitQueue& queue, std::uint64_t timeout_ns, Ready ready,
                      thread::Turn turn = thread::Turn::exclusive) {
        auto deadline = timeout_ns == 0 ? thread::Deadline::never() : thread::Deadline::after_ns(timeout_ns);
        auto waited = thread::wait_until(queue, deadline, ready, turn);
        if (waited.ok()) return {};
        if (waited.error() == Errno::etimedout) return Errno::eagain;
        return timeout_ns == 0 ? waited.error() : Errno::eintr;
    }

    SocketOptions options_;

private:
    Family family_;
    SocketType type_;
    int protocol_;
};

// socket(2): `type` without its flag bits. EAFNOSUPPORT, ESOCKTNOSUPPORT, EPROTONOSUPPORT, EINVAL.
Result<RefPtr<Socket>> create_socket(int family, int type, int protocol, std::uint32_t flags);
struct SocketPair {
    RefPtr<Socket> first;
    RefPtr<Socket> second;
};
Result<SocketPair> create_socket_pair(int family, int type, int protocol, std::uint32_t flags);

// What `fd` names; EBADF, ENOTSOCK.
Result<RefPtr<Socket>> socket_of(int fd);

}  // namespace husk::net
