// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/console_file.hpp"

#include <algorithm>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/console_port.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/terminal.hpp"
#include "guest-runtime/thread/signal_raise.hpp"

namespace husk::fs {

namespace {

constexpr std::size_t bounce_bytes = 64 << 10;

class ConsoleInode final : public AnonymousInode {
public:
    ConsoleInode(FileType type, int stream) : AnonymousInode(type, "console"), stream_(stream) {}

    Attributes attributes() override {
        Attributes attributes = AnonymousInode::attributes();
        attributes.mode |= 0620;
        if (type() == FileType::character) {
            // A terminal, or /dev/null, which is what a closed stream behaves like.
            attributes.represented_device =
                console_kind(stream_) == abi::StreamKind::tty ? make_device(136, 0) : make_device(1, 3);
        }
        return attributes;
    }
    Result<RefPtr<File>> open(std::uint32_t flags) override {
        return make_ref_as<File, ConsoleFile>(RefPtr<Inode>(this), flags, stream_);
    }

private:
    int stream_;
};

FileType type_of(abi::StreamKind kind) {
    switch (kind) {
        case abi::StreamKind::pipe:
            return FileType::fifo;
        case abi::StreamKind::file:
            return FileType::regular;
        default:
            return FileType::character;
    }
}

bool is_terminal(int stream) { return console_kind(stream) == abi::StreamKind::tty; }

}  // namespace

Result<RefPtr<Inode>> console_inode(int stream) {
    return make_ref_as<Inode, ConsoleInode>(type_of(console_kind(stream)), stream);
}

Result<RefPtr<File>> open_terminal(RefPtr<Inode> inode, std::uint32_t flags) {
    // Reading needs stdin; writing goes to the first output that is a terminal.
    for (int stream : {0, 1, 2}) {
        if (is_terminal(stream)) {
            return make_ref_as<File, ConsoleFile>(std::move(inode), flags, stream == 0 ? 1 : stream);
        }
    }
    return Errno::enxio;
}

Result<std::size_t> ConsoleFile::read(IoBuffer& to, std::optional<std::uint64_t>) {
    if (to.remaining() == 0) return 0;
    auto bounce = HUSK_TRY(HeapArray<std::byte>::create(std::min(to.remaining(), bounce_bytes)));
    std::size_t count = 0;
    Errno error = Errno::eagain;
    auto attempt = [&] {
        auto got = console_read(bounce.span());
        if (!got.ok()) {
            error = got.error();
            return error != Errno::eagain;
        }
        count = got.value();
        error = Errno{};
        return true;
    };
    if (!attempt()) {
        if (is_non_blocking()) return Errno::eagain;
        HUSK_TRY(thread::wait_until(console_queue(), thread::Deadline::never(), attempt));
    }
    if (error != Errno{}) return error;
    HUSK_TRY(to.put(bounce.data(), count));
    return count;
}

Result<std::size_t> ConsoleFile::write(IoBuffer& from, std::optional<std::uint64_t>) {
    if (from.remaining() == 0) return 0;
    auto bounce = HUSK_TRY(HeapArray<std::byte>::create(std::min(from.remaining(), bounce_bytes)));
    // What was opened through stdin (a terminal) is written to stdout.
    int stream = stream_ == 0 ? 1 : stream_;
    std::size_t done = 0;
    while (from.remaining() != 0) {
        std::size_t piece = std::min(from.remaining(), bounce.size());
        if (auto copied = from.take(bounce.data(), piece); !copied.ok()) {
            return done != 0 ? Result<std::size_t>(done) : copied.error();
        }
        std::size_t sent = 0;
        Errno error{};
        auto attempt = [&] {
            while (sent < piece) {
                auto taken =
                    console_write(stream, std::span<const std::byte>(bounce.span().subspan(sent, piece - sent)));
                if (!taken.ok()) {
                    error = taken.error();
                    return error != Errno::eagain;
                }
                sent += taken.value();
            }
            error = Errno{};
            return true;
        };
        if (!attempt() && !is_non_blocking()) {
            auto waited = thread::wait_until(console_queue(), thread::Deadline::never(), attempt);
            if (!waited.ok()) error = waited.error();
        }
        done += sent;
        if (error == Errno{}) continue;
        if (done != 0) return done;
        if (error == Errno::epipe) thread::raise_sigpipe();
        return error;
    }
    return done;
}

unsigned ConsoleFile::poll(unsigned wanted) {
    constexpr unsigned always = poll_bit::error | poll_bit::hang_up;
    unsigned bits = 0;
    unsigned wants_in = wanted & poll_bit::readable;
    unsigned wants_out = wanted & poll_bit::writable;
    if (wants_in != 0 && is_readable()) {
        bits |= console_poll(0, poll_bit::in) & (poll_bit::in | always);
    }
    if (wants_out != 0 && is_writable()) {
        bits |= console_poll(stream_ == 0 ? 1 : stream_, poll_bit::out) & (poll_bit::out | always);
    }
    if ((bits & poll_bit::in) != 0) bits |= poll_bit::read_normal;
    if ((bits & poll_bit::out) != 0) bits |= poll_bit::write_normal;
    return bits;
}

thread::WaitQueue* ConsoleFile::wait_queue() {
    abi::StreamKind kind = console_kind(stream_);
    // Like regular files and /dev/null on a host: always ready, refused by epoll.
    bool can_wait = kind == abi::StreamKind::tty || kind == abi::StreamKind::pipe;
    return can_wait ? &console_queue() : nullptr;
}

Result<long> ConsoleFile::ioctl(std::uint64_t request, std::uint64_t argument) {
    if (request == ioctl_request::fionread && console_kind(stream_) != abi::StreamKind::null) {
        // How many bytes wait is not known before they are read.
        bool ready = (console_poll(0, poll_bit::in) & poll_bit::in) != 0;
        HUSK_TRY(UserPtr<std::int32_t>(argument).store(ready ? 1 : 0));
        return 0;
    }
    if (!is_terminal(stream_)) return Errno::enotty;
    return terminal_ioctl(request, argument);
}

}  // namespace husk::fs
