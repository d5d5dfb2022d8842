// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/socket.hpp"

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

}  // namespace husk::net
