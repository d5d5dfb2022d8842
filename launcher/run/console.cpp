// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>

namespace husk::run {

namespace {

constexpr off_t current_position = -1;
constexpr std::size_t tty_burst_bytes = 256;  // what a terminal that polls writable surely takes

// A signal before the first byte: the guest shall see to it and come back.
std::int64_t result_of(ssize_t bytes) {
    if (bytes >= 0) return bytes;
    return errno == EINTR ? -EAGAIN : -errno;
}

bool polls(int fd, short events) {
    pollfd poll{fd, events, 0};
    return ::poll(&poll, 1, 0) > 0;
}

iovec vector_of(std::span<const std::byte> bytes) { return {const_cast<std::byte*>(bytes.data()), bytes.size()}; }

}  // namespace

std::int64_t Console::write(unsigned stream, std::span<const std::byte> bytes) {
    switch (kinds_[stream]) {
        case abi::StreamKind::closed:
            return -EBADF;
        case abi::StreamKind::null:
            return static_cast<std::int64_t>(bytes.size());
        case abi::StreamKind::file:
            return result_of(::write(static_cast<int>(stream), bytes.data(), bytes.size()));
        case abi::StreamKind::pipe:
            return write_to_pipe(stream, bytes);
        case abi::StreamKind::tty:
            break;
    }
    return write_reopened(stream, bytes);
}

std::int64_t Console::write_to_pipe(unsigned stream, std::span<const std::byte> bytes) {
    const iovec vector = vector_of(bytes);
    const ssize_t written = ::pwritev2(static_cast<int>(stream), &vector, 1, current_position, RWF_NOWAIT);
    // Kernels before 6.4 have no RWF_NOWAIT for pipes.
    if (written < 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS))
        return write_reopened(stream, bytes);
    return result_of(written);
}

std::int64_t Console::write_reopened(unsigned stream, std::span<const std::byte> bytes) {
    host::FileDescriptor& again = reopened_[stream];
    if (!tried_to_reopen_[stream]) {
        tried_to_reopen_[stream] = true;
        const std::string path = "/proc/self/fd/" + std::to_string(stream);
        again = host::FileDescriptor(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    }
    if (again.is_open()) return result_of(::write(again.get(), bytes.data(), bytes.size()));

    // No permission, or a socket: no more at a time than what poll promises room for.
    const std::size_t burst_bytes = kinds_[stream] == abi::StreamKind::tty ? tty_burst_bytes : PIPE_BUF;
    if (!polls(static_cast<int>(stream), POLLOUT)) return -EAGAIN;
    return result_of(::write(static_cast<int>(stream), bytes.data(), std::min(bytes.size(), burst_bytes)));
}

std::int64_t Console::read(std::span<std::byte> bytes) {
    switch (kinds_[0]) {
        case abi::StreamKind::closed:
            return -EBADF;
        case abi::StreamKind::null:
            return 0;
        case abi::StreamKind::file:
            return result_of(::read(0, bytes.data(), bytes.size()));
        case abi::StreamKind::tty:
            return read_when_ready(bytes);
        case abi::StreamKind::pipe:
            break;
    }
    const iovec vector = vector_of(bytes);
    const ssize_t taken = ::preadv2(0, &vector, 1, current_position, RWF_NOWAIT);
    if (taken < 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS)) return read_when_ready(bytes);
    return result_of(taken);
}

std::int64_t Console::read_when_ready(std::span<std::byte> bytes) const {
    if (!polls(0, POLLIN)) return -EAGAIN;
    return result_of(::read(0, bytes.data(), bytes.size()));
}

short Console::poll(unsigned stream) const {
    switch (kinds_[stream]) {
        case abi::StreamKind::closed:
            return POLLERR | POLLHUP;
        case abi::StreamKind::null:
        case abi::StreamKind::file:
            return POLLIN | POLLOUT;
        case abi::StreamKind::tty:
        case abi::StreamKind::pipe:
            break;
    }
    pollfd poll{static_cast<int>(stream), POLLIN | POLLOUT, 0};
    if (::poll(&poll, 1, 0) < 0) return 0;
    return poll.revents & (POLLIN | POLLOUT | POLLERR | POLLHUP);
}

}  // namespace husk::run
