// SPDX-License-Identifier: Apache-2.0
// Says what its standard streams are: a terminal and its size, or not; what reading stdin gives.
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

int main() {
    for (int fd = 0; fd < 3; ++fd) std::printf("%d %s\n", fd, isatty(fd) != 0 ? "terminal" : "no terminal");
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) std::printf("%d x %d\n", size.ws_col, size.ws_row);
    std::fflush(stdout);
    char text[64];
    const ssize_t got = read(STDIN_FILENO, text, sizeof text);
    if (got < 0) {
        std::printf("read: %s\n", std::strerror(errno));
    } else {
        std::printf("read %zd: %.*s\n", got, static_cast<int>(got), text);
    }
    return std::fflush(stdout) == 0 ? 0 : 3;
}
