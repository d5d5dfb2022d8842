// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/socket.hpp"

#include <algorithm>

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/thread/signal_raise.hpp"

namespace husk::net {

Result<std::size_t> Socket::read(fs::IoBuffer& to, std::optional<std::uint64_t>) {
    if (to.remaining() == 0) return 0;
    IncomingMessage message{.data = to, .from = {}, .control = {}};
    return receive(message);
}

Result<std::size_t> Socket::write(fs::IoBuffer& from, std::optional<std::uint64_t>) {
    OutgoingMessage message{.data = from, .to = {}, .control = {}};
    return send_signalling(message);
}

Result<std::size_t> Socket::send_signalling(OutgoingMessage& message) {
    auto sent = send(message);
    if (!sent.ok() && sent.error() == Errno::epipe && type_ == SocketType::stream &&
        (message.flags & message_flag::no_signal) == 0) {
        thread::raise_sigpipe();
    }
    return sent;
}

Result<RefPtr<Socket>> socket_of(int fd) {
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(fd));
    if (file->kind() != fs::FileKind::socket) return Errno::enotsock;
    return RefPtr<Socket>::adopt(static_cast<Socket*>(file.leak()));
}

std::size_t Socket::peek_start(std::uint32_t message_flags) const {
    std::int32_t offset = options_.peek_offset;
    return (message_flags & message_flag::peek) != 0 && offset > 0 ? static_cast<std::size_t>(offset) : 0;
}

// What is taken goes from in front of it.
void Socket::move_peek_start(std::uint32_t message_flags, std::size_t bytes) {
    std::int64_t offset = options_.peek_offset;
    if (offset < 0) return;
    auto moved = static_cast<std::int64_t>(bytes);
    offset += (message_flags & message_flag::peek) != 0 ? moved : -moved;
    options_.peek_offset = static_cast<std::int32_t>(std::clamp<std::int64_t>(offset, 0, INT32_MAX));
}

}  // namespace husk::net
