// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/packet_socket.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "launcher/backend/pieces.hpp"

namespace husk::backend {

namespace {

constexpr std::array<std::byte, net_header_bytes> plain_header{};  // nothing was left to the other side

msghdr message_of(std::vector<iovec>& pieces) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    return message;
}

}  // namespace

FrameStatus PacketSocket::send(std::uint32_t, std::span<const iovec> frame) {
    skip_front(frame, net_header_bytes, pieces_);
    const msghdr message = message_of(pieces_);
    if (::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return FrameStatus::done;
    if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR) return FrameStatus::again;
    return errno == EMSGSIZE ? FrameStatus::dropped : FrameStatus::gone;
}

ReceivedFrame PacketSocket::receive(std::uint32_t, std::span<const iovec> room) {
    skip_front(room, net_header_bytes, pieces_);
    msghdr message = message_of(pieces_);
    const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    if (size == 0) return {FrameStatus::gone, 0};
    if (size < 0) return {errno == EAGAIN || errno == EINTR ? FrameStatus::again : FrameStatus::gone, 0};
    store_at(room, 0, plain_header);
    return {FrameStatus::done, net_header_bytes + static_cast<std::size_t>(size)};
}

}  // namespace husk::backend
