// SPDX-License-Identifier: Apache-2.0
// The calls of the socket interface, as a test makes them. Nothing waits: sockets are non-blocking.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "guest-runtime/fs/io_buffer.hpp"
#include "guest-runtime/fs/open_flags.hpp"
#include "guest-runtime/net/option_value.hpp"
#include "guest-runtime/net/socket.hpp"

namespace husk::test {

using SocketPtr = RefPtr<net::Socket>;

// struct sockaddr_in: lwIP's headers and the host's do not go together.
struct RawAddress {
    std::uint16_t family;
    std::uint16_t port;  // network order, as the address
    std::uint32_t ip;
    std::uint8_t zero[8];
};

inline net::Address address_of(std::uint32_t ip, std::uint16_t port) {
    return net::Address::from(RawAddress{AF_INET, __builtin_bswap16(port), __builtin_bswap32(ip), {}});
}

inline std::uint16_t port_of(const net::Address& address) { return __builtin_bswap16(address.as<RawAddress>().port); }
inline std::uint32_t ip_of(const net::Address& address) { return __builtin_bswap32(address.as<RawAddress>().ip); }

inline SocketPtr open_socket(int type, int family = AF_INET) {
    return net::create_socket(family, type, 0, fs::open_flag::non_block).value();
}
inline SocketPtr open_listener(std::uint32_t ip, std::uint16_t port, int backlog = 4096) {
    SocketPtr listener = open_socket(SOCK_STREAM);
    if (!listener->bind(address_of(ip, port)).ok() || !listener->listen(backlog).ok()) return {};
    return listener;
}

inline Result<std::size_t> send_text(net::Socket& socket, std::string_view text, const net::Address& to = {}) {
    auto bytes = std::as_writable_bytes(std::span(const_cast<char*>(text.data()), text.size()));
    fs::IoBuffer data = fs::IoBuffer::of_runtime(bytes);
    net::OutgoingMessage message{.data = data, .to = to, .control = {}};
    return socket.send(message);
}

// What one receive gives; "!<errno>" when it fails.
inline std::string receive_text(net::Socket& socket, std::size_t most = 4096) {
    std::string text(most, '\0');
    fs::IoBuffer data = fs::IoBuffer::of_runtime(std::as_writable_bytes(std::span(text)));
    net::IncomingMessage message{.data = data, .from = {}, .control = {}};
    auto got = socket.receive(message);
    if (!got.ok()) return "!" + std::to_string(static_cast<int>(got.error()));
    text.resize(got.value());
    return text;
}
inline std::string failure(Errno error) { return "!" + std::to_string(static_cast<int>(error)); }

inline Errno pending_error(net::Socket& socket) {
    std::int32_t error = 0;
    (void)socket.get_option(SOL_SOCKET, SO_ERROR, std::as_writable_bytes(std::span(&error, 1)));
    return static_cast<Errno>(error);
}
inline Result<> set_integer(net::Socket& socket, int level, int option, std::int32_t value) {
    return socket.set_option(level, option, std::as_bytes(std::span(&value, 1)));
}

}  // namespace husk::test
