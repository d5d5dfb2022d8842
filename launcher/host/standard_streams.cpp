// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/standard_streams.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstddef>

namespace husk::host {

namespace {

abi::StreamKind kind_of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return abi::StreamKind::closed;
    if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) return abi::StreamKind::pipe;
    if (!S_ISCHR(status.st_mode)) return abi::StreamKind::file;
    if (status.st_rdev == makedev(1, 3)) return abi::StreamKind::null;
    return ::isatty(fd) != 0 ? abi::StreamKind::tty : abi::StreamKind::file;
}

std::array<abi::StreamKind, 3> claim_streams() {
    std::array<abi::StreamKind, 3> kinds{};
    for (int fd = 0; fd < 3; ++fd) {
        kinds[static_cast<std::size_t>(fd)] = kind_of(fd);
        // The lowest free number is this one: those below are open.
        if (kinds[static_cast<std::size_t>(fd)] == abi::StreamKind::closed) [[maybe_unused]]
            const int filler = ::open("/dev/null", O_RDWR);
    }
    return kinds;
}

// Before main: by then something may have been opened already.
[[maybe_unused]] const std::array<abi::StreamKind, 3>& claimed_before_main = standard_streams();

}  // namespace

const std::array<abi::StreamKind, 3>& standard_streams() {
    static const std::array<abi::StreamKind, 3> kinds = claim_streams();
    return kinds;
}

TerminalSize terminal_size() {
    for (const int fd : {1, 0, 2}) {
        if (standard_streams()[static_cast<std::size_t>(fd)] != abi::StreamKind::tty) continue;
        winsize size{};
        if (::ioctl(fd, TIOCGWINSZ, &size) == 0) return {size.ws_row, size.ws_col};
    }
    return {};
}

}  // namespace husk::host
