// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/write_text.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace husk::report {

namespace {

// The application may have made the stream non-blocking through a shared description.
bool wait_for_room(int fd) {
    pollfd room{fd, POLLOUT, 0};
    return poll(&room, 1, -1) >= 0 || errno == EINTR;
}

}  // namespace

void write_text(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(fd, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN ? !wait_for_room(fd) : errno != EINTR) {
            return;
        }
    }
}

void say(std::string_view sentence) {
    std::string line = "husk: ";
    line.append(sentence).append("\n");
    write_text(STDERR_FILENO, line);
}

}  // namespace husk::report
