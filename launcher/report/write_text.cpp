// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/write_text.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>

#include "launcher/host/patience.hpp"

namespace husk::report {

namespace {

constexpr int look_around_ms = 100;           // how often the end of patience is looked for
constexpr std::size_t tty_burst_bytes = 256;  // what a terminal that polls writable surely takes

bool wait_for_room(int fd) {
    pollfd room{fd, POLLOUT, 0};
    for (;;) {
        const int ready = poll(&room, 1, look_around_ms);
        if (ready > 0) return true;
        if ((ready < 0 && errno != EINTR) || !host::has_patience()) return false;
    }
}

}  // namespace

void write_text(int fd, std::string_view text) {
    // No more at a time than there surely is room for: a write that sleeps would not see that the VM is to end.
    const std::size_t burst_bytes = isatty(fd) != 0 ? tty_burst_bytes : PIPE_BUF;
    while (!text.empty() && wait_for_room(fd)) {
        const ssize_t written = write(fd, text.data(), std::min(text.size(), burst_bytes));
        // The application may have made the stream non-blocking through a shared description.
        if (written < 0 && errno != EAGAIN && errno != EINTR) return;
        if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void say(std::string_view sentence) {
    std::string line = "husk: ";
    line.append(sentence).append("\n");
    write_text(STDERR_FILENO, line);
}

}  // namespace husk::report
