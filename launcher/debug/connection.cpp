// SPDX-License-Identifier: Apache-2.0
#include "launcher/debug/connection.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "launcher/config/text.hpp"
#include "launcher/host/errno_error.hpp"

namespace husk::debug {

namespace {

using config::fill_in;
using host::ExitCode;

constexpr int look_around_ms = 100;  // how often the end of the VM is looked for
constexpr std::size_t piece_bytes = 16 << 10;

sockaddr* as_any(sockaddr_in& address) {
    // SAFETY: what sockaddr is for; of the size that is passed along.
    return reinterpret_cast<sockaddr*>(&address);
}

}  // namespace

Connection::Connection(const config::DebugAddress& wanted)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    if (!listener_.is_open()) throw host::errno_error("cannot make a socket for gdb");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(wanted.port);
    if (::inet_pton(AF_INET, wanted.host.c_str(), &address.sin_addr) != 1) {
        throw host::Error(ExitCode::usage,
                          fill_in("gdb cannot connect to '{}', which is no IPv4 address of this host", wanted.host));
    }
    const int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(listener_.get(), as_any(address), sizeof address) != 0 || ::listen(listener_.get(), 1) != 0) {
        if (errno == EADDRINUSE) {
            throw host::Error(ExitCode::net_busy,
                              fill_in("port {} of {} is in use: choose another one for gdb", wanted.port, wanted.host));
        }
        throw host::errno_error(fill_in("cannot listen for gdb on {}:{}", wanted.host, wanted.port));
    }
    socklen_t size_bytes = sizeof address;
    ::getsockname(listener_.get(), as_any(address), &size_bytes);
    name_ = fill_in("{}:{}", wanted.host, ntohs(address.sin_port));
}

bool Connection::wait(const std::function<bool()>& is_ending) const {
    pollfd watched{watch_fd(), POLLIN, 0};
    while (::poll(&watched, 1, look_around_ms) <= 0) {
        if (is_ending()) return false;
    }
    return true;
}

bool Connection::try_accept() {
    if (peer_.is_open()) return false;
    peer_ = host::FileDescriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer_.is_open()) return false;
    const int on = 1;
    ::setsockopt(peer_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    reader_ = {};
    acknowledges_ = true;
    return true;
}

std::optional<Received> Connection::try_receive() {
    for (;;) {
        if (auto received = reader_.try_next()) {
            if (acknowledges_ && received->kind == Received::Kind::packet) send_all("+");
            if (acknowledges_ && received->kind == Received::Kind::damaged) send_all("-");
            return received;
        }
        std::array<char, piece_bytes> bytes;
        const ssize_t got = ::recv(peer_.get(), bytes.data(), bytes.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return std::nullopt;
        if (got <= 0) {
            peer_.close();
            return std::nullopt;
        }
        reader_.add({bytes.data(), static_cast<std::size_t>(got)});
    }
}

void Connection::send(std::string_view payload) const { send_all(make_packet(payload)); }

void Connection::send_all(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            pollfd watched{peer_.get(), POLLOUT, 0};
            ::poll(&watched, 1, look_around_ms);
        } else if (sent < 0 && errno != EINTR) {
            return;
        } else if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
}

}  // namespace husk::debug
