// SPDX-License-Identifier: Apache-2.0
// File descriptors 0, 1 and 2 as the launcher was given them.
#pragma once

#include <array>
#include <cstdint>

#include <husk/abi/boot_info.hpp>

namespace husk::host {

struct TerminalSize {
    std::uint16_t rows = 0;  // 0: no terminal
    std::uint16_t columns = 0;
};

// What each of the three was when the process started. Those that were closed are open on /dev/null since before main,
// so that nothing the launcher opens takes their number.
const std::array<abi::StreamKind, 3>& standard_streams();

// Of the first of stdout, stdin and stderr that is a terminal.
[[nodiscard]] TerminalSize terminal_size();

}  // namespace husk::host
