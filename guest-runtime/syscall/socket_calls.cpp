// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/socket_calls.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/net/socket.hpp"

namespace husk::sys {

namespace {

constexpr std::uint32_t type_flags = fs::open_flag::non_block | fs::open_flag::close_on_exec;

bool closes_on_exec(std::uint64_t flags) { return (flags & fs::open_flag::close_on_exec) != 0; }
std::uint32_t blocking_mode(std::uint64_t flags) {
    return static_cast<std::uint32_t>(flags) & fs::open_flag::non_block;
}

struct SocketWish {
    int family;
    int type;
    int protocol;
    std::uint32_t flags;
};

Result<SocketWish> wish_of(const Call& call) {
    auto type_and_flags = static_cast<std::uint32_t>(call[1]);
    constexpr std::uint32_t type_mask = 0xf;
    if ((type_and_flags & ~(type_mask | type_flags)) != 0) return Errno::einval;
    return SocketWish{call.integer(0), static_cast<int>(type_and_flags & type_mask), call.integer(2),
                      type_and_flags & type_flags};
}

Result<int> make_socket(const Call& call) {
    SocketWish wish = HUSK_TRY(wish_of(call));
    auto socket = HUSK_TRY(net::create_socket(wish.family, wish.type, wish.protocol, blocking_mode(wish.flags)));
    return fs::descriptors().add(std::move(socket), closes_on_exec(wish.flags));
}

Result<> make_pair(const Call& call) {
    SocketWish wish = HUSK_TRY(wish_of(call));
    auto pair = HUSK_TRY(net::create_socket_pair(wish.family, wish.type, wish.protocol, blocking_mode(wish.flags)));
    std::int32_t fds[2];
    fds[0] = HUSK_TRY(fs::descriptors().add(std::move(pair.first), closes_on_exec(wish.flags)));
    auto second = fs::descriptors().add(std::move(pair.second), closes_on_exec(wish.flags));
    if (!second.ok()) {
        (void)fs::descriptors().close(fds[0]);
        return second.error();
    }
    fds[1] = second.value();
    auto stored = copy_out(call[3], fds, sizeof fds);
    if (!stored.ok()) {
        (void)fs::descriptors().close(fds[0]);
        (void)fs::descriptors().close(fds[1]);
    }
    return stored;
}

Result<> bind_socket(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    return socket->bind(HUSK_TRY(load_address(call[1], call.integer(2))));
}

Result<> connect_socket(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    return socket->connect(HUSK_TRY(load_address(call[1], call.integer(2))));
}

Result<> listen_socket(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    return socket->listen(call.integer(1));
}

Result<int> accept_socket(const Call& call, std::uint64_t flags) {
    if ((flags & ~std::uint64_t{type_flags}) != 0) return Errno::einval;
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    // Otherwise the connection stays where it is.
    HUSK_TRY(fs::descriptors().require_free());
    auto accepted = HUSK_TRY(socket->accept(blocking_mode(flags)));
    if (call[1] != 0) {
        net::Address peer = HUSK_TRY(accepted->accepted_name());
        HUSK_TRY(store_address(peer, call[1], call.pointer<std::int32_t>(2)));
    }
    return fs::descriptors().add(std::move(accepted), closes_on_exec(flags));
}

Result<> get_name(const Call& call, Result<net::Address> (net::Socket::*name)()) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    net::Address address = HUSK_TRY(((*socket).*name)());
    return store_address(address, call[1], call.pointer<std::int32_t>(2));
}

Result<> shut_down(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    constexpr int reading = 0, writing = 1, both = 2;
    int how = call.integer(1);
    if (how < reading || how > both) return Errno::einval;
    return socket->shut_down(how != writing, how != reading);
}

constexpr std::size_t longest_option_bytes = 512;

Result<> set_option(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    std::int32_t size = call.integer(4);
    if (size < 0) return Errno::einval;
    std::byte buffer[longest_option_bytes];
    auto value = std::span(buffer).first(std::min<std::size_t>(static_cast<std::size_t>(size), sizeof buffer));
    if (!value.empty()) HUSK_TRY(copy_in(value.data(), call[3], value.size()));
    return socket->set_option(call.integer(1), call.integer(2), value);
}

Result<> get_option(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    auto size_pointer = call.pointer<std::int32_t>(4);
    std::int32_t size = HUSK_TRY(size_pointer.load());
    if (size < 0) return Errno::einval;
    std::byte buffer[longest_option_bytes];
    auto room = std::span(buffer).first(std::min<std::size_t>(static_cast<std::size_t>(size), sizeof buffer));
    std::size_t length = HUSK_TRY(socket->get_option(call.integer(1), call.integer(2), room));
    if (length != 0) HUSK_TRY(copy_out(call[3], buffer, length));
    return size_pointer.store(static_cast<std::int32_t>(length));
}

}  // namespace

Result<net::Address> load_address(std::uint64_t user_address, std::int32_t size_bytes) {
    if (size_bytes < 0 || static_cast<std::uint32_t>(size_bytes) > net::Address::max_bytes) return Errno::einval;
    net::Address address;
    address.size_bytes = static_cast<std::uint32_t>(size_bytes);
    if (size_bytes != 0) HUSK_TRY(copy_in(address.bytes.data(), user_address, address.size_bytes));
    return address;
}

Result<> store_address(const net::Address& address, std::uint64_t user_address, UserPtr<std::int32_t> size) {
    std::int32_t room = HUSK_TRY(size.load());
    if (room < 0) return Errno::einval;
    std::size_t bytes = std::min<std::size_t>(static_cast<std::size_t>(room), address.size_bytes);
    if (bytes != 0) HUSK_TRY(copy_out(user_address, address.bytes.data(), bytes));
    return size.store(static_cast<std::int32_t>(address.size_bytes));
}

SysResult sys_socket(const Call& call) { return make_socket(call); }
SysResult sys_socketpair(const Call& call) { return make_pair(call); }
SysResult sys_bind(const Call& call) { return bind_socket(call); }
SysResult sys_connect(const Call& call) { return connect_socket(call); }
SysResult sys_listen(const Call& call) { return listen_socket(call); }
SysResult sys_accept(const Call& call) { return accept_socket(call, 0); }
SysResult sys_accept4(const Call& call) { return accept_socket(call, call[3]); }
SysResult sys_getsockname(const Call& call) { return get_name(call, &net::Socket::name); }
SysResult sys_getpeername(const Call& call) { return get_name(call, &net::Socket::peer_name); }
SysResult sys_shutdown(const Call& call) { return shut_down(call); }
SysResult sys_setsockopt(const Call& call) { return set_option(call); }
SysResult sys_getsockopt(const Call& call) { return get_option(call); }

}  // namespace husk::sys
