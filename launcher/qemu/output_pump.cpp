// SPDX-License-Identifier: Apache-2.0
#include "launcher/qemu/output_pump.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace husk::qemu {

namespace {

// A pipe that polls as writable takes this much without blocking [pipe(7), PIPE_BUF].
constexpr std::size_t safe_write_bytes = 4096;

}  // namespace

pollfd OutputPump::interest() const {
    if (!pending_.empty()) return {to_, POLLOUT, 0};
    if (!ended_) return {from_, POLLIN, 0};
    return {-1, 0, 0};
}

bool OutputPump::on_ready() {
    if (pending_.empty()) fill();
    return pending_.empty() || flush();
}

void OutputPump::fill() {
    std::array<char, 16384> bytes;
    const ssize_t got = read(from_, bytes.data(), bytes.size());
    if (got > 0 && !reader_gone_) pending_.assign(bytes.data(), static_cast<std::size_t>(got));
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) ended_ = true;
}

bool OutputPump::flush() {
    pollfd room{to_, POLLOUT, 0};
    if (poll(&room, 1, 0) != 1) return true;
    const ssize_t written = write(to_, pending_.data(), std::min(pending_.size(), safe_write_bytes));
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (written < 0) {
        pending_.clear();
        reader_gone_ = true;
        return false;
    }
    pending_.erase(0, static_cast<std::size_t>(written));
    return true;
}

}  // namespace husk::qemu
