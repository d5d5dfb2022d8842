// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/terminal.hpp"

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/console_port.hpp"

namespace husk::fs {

namespace {

// The kernel's struct termios (not glibc's).
struct Termios {
    std::uint32_t input, output, control, local;
    std::uint8_t line;
    std::uint8_t characters[19];
};
static_assert(sizeof(Termios) == 36);

struct WindowSize {
    std::uint16_t rows, columns, x_pixels, y_pixels;
};

// A fresh Linux terminal: ICRNL IXON, OPOST ONLCR, 38400 CS8 CREAD HUPCL, ISIG ICANON ECHO...
constinit Termios settings = {0x500,  0x5, 0xbf,
                              0x8a3b, 0,   {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0}};
constinit Spinlock settings_lock;

}  // namespace

Result<long> terminal_ioctl(std::uint64_t request, std::uint64_t argument) {
    switch (request) {
        case ioctl_request::tcgets: {
            Termios copy;
            {
                Guard guard(settings_lock);
                copy = settings;
            }
            HUSK_TRY(UserPtr<Termios>(argument).store(copy));
            return 0;
        }
        case ioctl_request::tcsets:
        case ioctl_request::tcsetsw:
        case ioctl_request::tcsetsf: {
            Termios wanted = HUSK_TRY(UserPtr<Termios>(argument).load());
            Guard guard(settings_lock);
            settings = wanted;
            return 0;
        }
        case ioctl_request::tiocgwinsz: {
            TerminalSize size = console_terminal_size();
            HUSK_TRY(UserPtr<WindowSize>(argument).store({size.rows, size.columns, 0, 0}));
            return 0;
        }
        case ioctl_request::tiocgpgrp:
        case ioctl_request::tiocgsid:
            HUSK_TRY(UserPtr<std::int32_t>(argument).store(1));
            return 0;
        case ioctl_request::tiocoutq:
            HUSK_TRY(UserPtr<std::int32_t>(argument).store(0));
            return 0;
        case ioctl_request::tiocswinsz:
        case ioctl_request::tiocspgrp:
        case ioctl_request::tiocsctty:
        case ioctl_request::tcsbrk:
        case ioctl_request::tcxonc:
        case ioctl_request::tcflsh:
            return 0;
        default:
            return Errno::enotty;
    }
}

}  // namespace husk::fs
