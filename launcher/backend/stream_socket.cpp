// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/stream_socket.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "launcher/backend/pieces.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/clock.hpp"
#include "launcher/host/errno_error.hpp"

namespace husk::backend {

namespace {

using config::fill_in;
using host::ExitCode;

constexpr std::size_t input_bytes = 256 << 10;
constexpr std::uint64_t retry_ns = 50'000;  // nothing tells of room for the rest of a frame
constexpr std::array<std::byte, net_header_bytes> plain_header{};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size_bytes = 0;

    [[nodiscard]] const sockaddr* get() const {
        // SAFETY: what sockaddr_storage is for.
        return reinterpret_cast<const sockaddr*>(&storage);
    }
};

SocketAddress unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw host::Error(ExitCode::usage, fill_in("the path {} is too long for a socket", path));
    path.copy(address.sun_path, path.size());
    SocketAddress result;
    std::memcpy(&result.storage, &address, sizeof address);
    result.size_bytes = sizeof address;
    return result;
}

// A numeric address, or localhost: a static program has no resolver.
SocketAddress internet_address(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    std::string name = text.substr(0, colon);
    if (name == "localhost" || name.empty()) name = "127.0.0.1";
    sockaddr_in address{};
    address.sin_family = AF_INET;
    const int port = std::atoi(text.c_str() + colon + 1);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (port <= 0 || port > UINT16_MAX || ::inet_pton(AF_INET, name.c_str(), &address.sin_addr) != 1) {
        throw host::Error(ExitCode::usage,
                          fill_in("stream '{}' must be the path of a socket, or an IPv4 address with a port", text));
    }
    SocketAddress result;
    std::memcpy(&result.storage, &address, sizeof address);
    result.size_bytes = sizeof address;
    return result;
}

host::FileDescriptor accept_one(const host::FileDescriptor& socket, const SocketAddress& at,
                                const std::string& address) {
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), at.get(), at.size_bytes) != 0 || ::listen(socket.get(), 1) != 0) {
        if (errno == EADDRINUSE)
            throw host::Error(ExitCode::net_busy, fill_in("the address {} is in use already", address));
        throw host::errno_error(fill_in("cannot listen at {}", address));
    }
    host::FileDescriptor peer(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!peer.is_open()) throw host::errno_error(fill_in("nobody connected to {}", address));
    return peer;
}

}  // namespace

host::FileDescriptor open_stream(const std::string& address, bool listens) {
    const bool is_path = address.find('/') != std::string::npos || address.find(':') == std::string::npos;
    const SocketAddress at = is_path ? unix_address(address) : internet_address(address);
    host::FileDescriptor socket(::socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) throw host::errno_error("cannot make a socket");
    if (listens) {
        socket = accept_one(socket, at, address);
    } else if (::connect(socket.get(), at.get(), at.size_bytes) != 0) {
        throw host::Error(ExitCode::net_peer, fill_in("nobody listens at {} ({}): start the other end first", address,
                                                      std::strerror(errno)));
    }
    const int on = 1;
    if (!is_path) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
}

StreamSocket::StreamSocket(host::FileDescriptor socket, std::uint32_t mtu)
    : socket_(std::move(socket)), mtu_(mtu), input_(input_bytes) {}

FrameStatus StreamSocket::send(std::uint32_t, std::span<const iovec> frame) {
    if (const FrameStatus status = flush(); status != FrameStatus::done) return status;
    skip_front(frame, net_header_bytes, pieces_);
    const std::size_t frame_bytes = total_bytes(pieces_);
    if (frame_bytes > longest_frame_bytes) return FrameStatus::dropped;
    std::uint32_t length = htonl(static_cast<std::uint32_t>(frame_bytes));
    pieces_.insert(pieces_.begin(), iovec{&length, length_bytes});
    msghdr message{};
    message.msg_iov = pieces_.data();
    message.msg_iovlen = pieces_.size();
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR ? FrameStatus::again : FrameStatus::gone;
    // The rest has to follow whatever happens, so that the next length is where the peer looks for it.
    unsent_.resize(length_bytes + frame_bytes - static_cast<std::size_t>(sent));
    copy_from(pieces_, static_cast<std::size_t>(sent), unsent_);
    unsent_begin_ = 0;
    return FrameStatus::done;
}

FrameStatus StreamSocket::flush() {
    while (unsent_begin_ < unsent_.size()) {
        const ssize_t sent = ::send(socket_.get(), unsent_.data() + unsent_begin_, unsent_.size() - unsent_begin_,
                                    MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == EINTR ? FrameStatus::again : FrameStatus::gone;
        unsent_begin_ += static_cast<std::size_t>(sent);
    }
    return FrameStatus::done;
}

std::uint64_t StreamSocket::deadline_ns() const {
    return unsent_begin_ < unsent_.size() ? host::monotonic_ns() + retry_ns : UINT64_MAX;
}

ReceivedFrame StreamSocket::receive(std::uint32_t, std::span<const iovec> room) {
    if (flush() == FrameStatus::gone) return {FrameStatus::gone, 0};
    std::size_t size_bytes = 0;
    FrameStatus status = take(room, size_bytes);
    // Until the socket is empty: it is looked at again only when more arrives.
    while (status == FrameStatus::again) {
        status = fill();
        if (status != FrameStatus::done) break;
        status = take(room, size_bytes);
    }
    return {status, size_bytes};
}

FrameStatus StreamSocket::fill() {
    if (input_begin_ != 0) {
        std::memmove(input_.data(), input_.data() + input_begin_, input_end_ - input_begin_);
        input_end_ -= input_begin_;
        input_begin_ = 0;
    }
    const ssize_t got = ::recv(socket_.get(), input_.data() + input_end_, input_.size() - input_end_, MSG_DONTWAIT);
    if (got == 0) return FrameStatus::gone;
    if (got < 0) return errno == EAGAIN || errno == EINTR ? FrameStatus::again : FrameStatus::gone;
    input_end_ += static_cast<std::size_t>(got);
    return FrameStatus::done;
}

FrameStatus StreamSocket::take(std::span<const iovec> room, std::size_t& size_bytes) {
    for (;;) {
        const std::size_t there = input_end_ - input_begin_;
        std::uint32_t length = 0;
        if (there < length_bytes) return FrameStatus::again;
        std::memcpy(&length, input_.data() + input_begin_, length_bytes);
        const std::size_t frame_bytes = ntohl(length);
        // Not a length: from here on nothing can be found in the stream any more.
        if (frame_bytes > longest_frame_bytes) return FrameStatus::gone;
        if (there < length_bytes + frame_bytes) return FrameStatus::again;
        const std::byte* const frame = input_.data() + input_begin_ + length_bytes;
        input_begin_ += length_bytes + frame_bytes;
        if (frame_bytes < ethernet_header_bytes) continue;
        store_at(room, 0, plain_header);
        size_bytes = net_header_bytes + store_at(room, net_header_bytes, std::span(frame, frame_bytes));
        return FrameStatus::done;
    }
}

}  // namespace husk::backend
