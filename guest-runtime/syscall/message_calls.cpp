// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/message_calls.hpp"

#include "guest-runtime/fs/user_segments.hpp"
#include "guest-runtime/net/socket.hpp"
#include "guest-runtime/syscall/control_messages.hpp"
#include "guest-runtime/syscall/socket_calls.hpp"
#include "guest-runtime/syscall/time_types.hpp"

namespace husk::sys {

namespace {

// struct msghdr
struct MessageHeader {
    std::uint64_t name;
    std::int32_t name_bytes;
    std::int32_t padding0;
    std::uint64_t segments;
    std::uint64_t segment_count;
    std::uint64_t control;
    std::uint64_t control_bytes;
    std::uint32_t flags;
    std::uint32_t padding1;
};
static_assert(sizeof(MessageHeader) == 56);

// struct mmsghdr
struct ManyHeader {
    MessageHeader message;
    std::uint32_t transferred_bytes;
    std::uint32_t padding;
};
static_assert(sizeof(ManyHeader) == 64);

constexpr std::uint64_t most_messages = 1024;  // UIO_MAXIOV

Result<std::size_t> send_one(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    fs::UserSegment segment = {call[1], std::min<std::uint64_t>(call[2], fs::IoBuffer::max_bytes)};
    fs::IoBuffer data({&segment, 1});
    net::OutgoingMessage message{.data = data, .to = {}, .flags = static_cast<std::uint32_t>(call[3]), .control = {}};
    if (call[4] != 0) message.to = HUSK_TRY(load_address(call[4], call.integer(5)));
    return socket->send_signalling(message);
}

Result<std::size_t> send_header(net::Socket& socket, UserPtr<MessageHeader> pointer, std::uint32_t flags) {
    MessageHeader header = HUSK_TRY(pointer.load());
    fs::UserSegments segments;
    if (header.segment_count > most_messages) return Errno::emsgsize;
    HUSK_TRY(segments.load(UserPtr<fs::UserSegment>(header.segments), header.segment_count));
    fs::IoBuffer data(segments.view());
    net::OutgoingMessage message{.data = data, .to = {}, .flags = flags, .control = {}};
    if (header.name != 0 && header.name_bytes != 0) {
        // Linux cuts a length that is too large here, unlike in sendto(2).
        auto size = std::min(header.name_bytes, static_cast<std::int32_t>(net::Address::max_bytes));
        message.to = HUSK_TRY(load_address(header.name, size));
    }
    if (header.control != 0 && header.control_bytes != 0) {
        HUSK_TRY(load_control(message.control, header.control, header.control_bytes));
    }
    return socket.send_signalling(message);
}

Result<std::size_t> receive_one(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    fs::UserSegment segment = {call[1], std::min<std::uint64_t>(call[2], fs::IoBuffer::max_bytes)};
    fs::IoBuffer data({&segment, 1});
    net::IncomingMessage message{.data = data, .flags = static_cast<std::uint32_t>(call[3]), .from = {}, .control = {}};
    std::size_t bytes = HUSK_TRY(socket->receive(message));
    if (call[4] != 0) HUSK_TRY(store_address(message.from, call[4], call.pointer<std::int32_t>(5)));
    return bytes;
}

Result<std::size_t> receive_header(net::Socket& socket, UserPtr<MessageHeader> pointer, std::uint32_t flags) {
    MessageHeader header = HUSK_TRY(pointer.load());
    fs::UserSegments segments;
    if (header.segment_count > most_messages) return Errno::emsgsize;
    HUSK_TRY(segments.load(UserPtr<fs::UserSegment>(header.segments), header.segment_count));
    if (header.name != 0 && header.name_bytes < 0) return Errno::einval;
    fs::IoBuffer data(segments.view());
    net::IncomingMessage message{.data = data, .flags = flags, .from = {}, .control = {}};
    std::size_t bytes = HUSK_TRY(socket.receive(message));
    if (header.name != 0) {
        auto room = std::min<std::size_t>(static_cast<std::size_t>(header.name_bytes), message.from.size_bytes);
        if (room != 0) HUSK_TRY(copy_out(header.name, message.from.bytes.data(), room));
        header.name_bytes = static_cast<std::int32_t>(message.from.size_bytes);
    }
    std::uint64_t control_room = header.control != 0 ? header.control_bytes : 0;
    header.control_bytes =
        HUSK_TRY(store_control(message, header.control, control_room, (flags & net::message_flag::close_on_exec) != 0));
    header.flags = message.result_flags | (flags & net::message_flag::close_on_exec);
    HUSK_TRY(pointer.store(header));
    return bytes;
}

Result<std::size_t> send_many(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    auto list = call.pointer<ManyHeader>(1);
    std::uint64_t count = std::min<std::uint64_t>(static_cast<std::uint32_t>(call[2]), most_messages);
    for (std::uint64_t i = 0; i < count; ++i) {
        std::uint64_t at = list.offset(i).address();
        auto sent = send_header(*socket, UserPtr<MessageHeader>(at), static_cast<std::uint32_t>(call[3]));
        if (!sent.ok()) return i != 0 ? Result<std::size_t>(i) : sent.error();
        HUSK_TRY(UserPtr<std::uint32_t>(at + offsetof(ManyHeader, transferred_bytes))
                     .store(static_cast<std::uint32_t>(sent.value())));
    }
    return count;
}

Result<std::size_t> receive_many(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    auto list = call.pointer<ManyHeader>(1);
    auto flags = static_cast<std::uint32_t>(call[3]);
    thread::Deadline deadline = HUSK_TRY(deadline_after(call.pointer<TimeSpec>(4)));
    std::uint64_t count = std::min<std::uint64_t>(static_cast<std::uint32_t>(call[2]), most_messages);
    for (std::uint64_t i = 0; i < count; ++i) {
        std::uint64_t at = list.offset(i).address();
        auto got = receive_header(*socket, UserPtr<MessageHeader>(at), flags & ~net::message_flag::wait_for_one);
        if (!got.ok()) return i != 0 ? Result<std::size_t>(i) : got.error();
        HUSK_TRY(UserPtr<std::uint32_t>(at + offsetof(ManyHeader, transferred_bytes))
                     .store(static_cast<std::uint32_t>(got.value())));
        if ((flags & net::message_flag::wait_for_one) != 0) flags |= net::message_flag::dont_wait;
        // As on Linux, the timeout is looked at between messages only.
        if (deadline.has_passed()) return i + 1;
    }
    return count;
}

Result<std::size_t> send_message(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    return send_header(*socket, call.pointer<MessageHeader>(1), static_cast<std::uint32_t>(call[2]));
}

Result<std::size_t> receive_message(const Call& call) {
    auto socket = HUSK_TRY(net::socket_of(call.fd(0)));
    return receive_header(*socket, call.pointer<MessageHeader>(1), static_cast<std::uint32_t>(call[2]));
}

}  // namespace

SysResult sys_sendto(const Call& call) { return send_one(call); }
SysResult sys_sendmsg(const Call& call) { return send_message(call); }
SysResult sys_sendmmsg(const Call& call) { return send_many(call); }
SysResult sys_recvfrom(const Call& call) { return receive_one(call); }
SysResult sys_recvmsg(const Call& call) { return receive_message(call); }
SysResult sys_recvmmsg(const Call& call) { return receive_many(call); }

}  // namespace husk::sys
