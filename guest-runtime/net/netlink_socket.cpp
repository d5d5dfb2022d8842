// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/netlink_socket.hpp"

#include <algorithm>

#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/net/netlink_records.hpp"
#include "guest-runtime/net/stack.hpp"

namespace husk::net {

namespace {

constexpr int level_netlink = 270;

// struct sockaddr_nl
struct NetlinkAddress {
    std::uint16_t family;
    std::uint16_t padding;
    std::uint32_t port;
    std::uint32_t groups;
};

bool is_peek_offset(int level, int option) { return level == level_socket && option == socket_option::peek_offset; }

Address address_with(std::uint32_t port) {
    return Address::from(NetlinkAddress{static_cast<std::uint16_t>(Family::netlink), 0, port, 0});
}

}  // namespace

Result<Address> NetlinkSocket::name() { return address_with(netlink_port); }

Result<std::size_t> NetlinkSocket::send(OutgoingMessage& message) {
    std::size_t size = message.data.remaining();
    struct Request {
        NetlinkHeader header;
        std::uint8_t family;
    } request{};
    if (size < sizeof request.header) return Errno::einval;
    HUSK_TRY(message.data.take(&request, std::min(size, sizeof request.header + 1)));
    fs::Text dump, end;
    switch (request.header.type) {
        case netlink_type::get_link:
            write_links(dump, request.header.sequence);
            write_done(end, request.header.sequence);
            break;
        case netlink_type::get_address:
            write_addresses(dump, request.header.sequence, request.family);
            write_done(end, request.header.sequence);
            break;
        case netlink_type::get_route:
            write_done(end, request.header.sequence);
            break;
        default:
            write_error(end, request.header, -static_cast<std::int32_t>(Errno::eopnotsupp));
    }
    HUSK_TRY(dump.check());
    HUSK_TRY(end.check());
    {
        Guard guard(mutex_);
        parts_left_.store(dump.size() != 0 ? 2 : 1, std::memory_order_release);
        dump_ = std::move(dump);
        end_ = std::move(end);
    }
    waiters_.wake_reader();
    return size;
}

Result<std::size_t> NetlinkSocket::receive(IncomingMessage& message) {
    for (;;) {
        Guard guard(mutex_);
        if (unsigned left = parts_left_.load(std::memory_order_relaxed)) {
            std::string_view part = (left == 2 ? dump_ : end_).view();
            std::size_t bytes = std::min(part.size(), message.data.remaining());
            HUSK_TRY(message.data.put(part.data(), bytes));
            message.from = address_with(0);  // the kernel
            if (bytes < part.size()) message.result_flags |= message_flag::truncated;
            if ((message.flags & message_flag::peek) == 0) parts_left_.store(left - 1, std::memory_order_release);
            return (message.flags & message_flag::truncated) != 0 ? part.size() : bytes;
        }
        guard.unlock();
        if (!waits(message.flags)) return Errno::eagain;
        HUSK_TRY(wait_for(waiters_.readers, options_.receive_timeout_ns, [this] { return has_answer(); }));
    }
}

Result<> NetlinkSocket::set_option(int level, int option, std::span<const std::byte> value) {
    if (level == level_netlink) return {};
    if (is_peek_offset(level, option)) return Errno::eopnotsupp;
    return Socket::set_option(level, option, value);
}

Result<std::size_t> NetlinkSocket::get_option(int level, int option, std::span<std::byte> to) {
    return is_peek_offset(level, option) ? Errno::eopnotsupp : Socket::get_option(level, option, to);
}

unsigned NetlinkSocket::poll(unsigned) { return fs::poll_bit::writable | (has_answer() ? fs::poll_bit::readable : 0); }

Result<RefPtr<Socket>> make_netlink_socket(SocketType type, int protocol, std::uint32_t flags) {
    constexpr int routing = 0;
    if (protocol != routing) return Errno::eprotonosupport;
    start_stack();
    RefPtr<fs::Inode> inode =
        HUSK_TRY((fs::make_ref_as<fs::Inode, fs::AnonymousInode>(fs::FileType::socket, "socket")));
    return fs::make_ref_as<Socket, NetlinkSocket>(std::move(inode), flags, type);
}

}  // namespace husk::net
