// SPDX-License-Identifier: Apache-2.0
// What a terminal answers to ioctl(2): its settings, which are kept but change nothing, and its size.
#pragma once

#include <cstdint>

#include "guest-runtime/base/result.hpp"

namespace husk::fs {

namespace ioctl_request {
inline constexpr std::uint64_t tcgets = 0x5401;
inline constexpr std::uint64_t tcsets = 0x5402;
inline constexpr std::uint64_t tcsetsw = 0x5403;
inline constexpr std::uint64_t tcsetsf = 0x5404;
inline constexpr std::uint64_t tcsbrk = 0x5409;
inline constexpr std::uint64_t tcxonc = 0x540a;
inline constexpr std::uint64_t tcflsh = 0x540b;
inline constexpr std::uint64_t tiocsctty = 0x540e;
inline constexpr std::uint64_t tiocgpgrp = 0x540f;
inline constexpr std::uint64_t tiocspgrp = 0x5410;
inline constexpr std::uint64_t tiocoutq = 0x5411;
inline constexpr std::uint64_t tiocgwinsz = 0x5413;
inline constexpr std::uint64_t tiocswinsz = 0x5414;
inline constexpr std::uint64_t fionread = 0x541b;
inline constexpr std::uint64_t fionbio = 0x5421;
inline constexpr std::uint64_t tiocgsid = 0x5429;
inline constexpr std::uint64_t fionclex = 0x5450;
inline constexpr std::uint64_t fioclex = 0x5451;
inline constexpr std::uint64_t fioasync = 0x5452;
}  // namespace ioctl_request

Result<long> terminal_ioctl(std::uint64_t request, std::uint64_t argument);

}  // namespace husk::fs
