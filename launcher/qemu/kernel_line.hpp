// SPDX-License-Identifier: Apache-2.0
// The kernel command line by which a guest under QEMU learns what boot info tells it under the launcher.
//
// Words are separated by single spaces. In a word, a byte other than A-Z a-z 0-9 and _ . / = : , @ + - is written as
// %XX; an empty word is a lone %. All words behind the first word `--` are arguments, argv[1] first. husk.env may be
// repeated; a guest skips words that it does not know.
//
//   husk.stdout=0x401 husk.stderr=0x402 husk.status=0x403 husk.control=0x2f8 husk.streams=tty,pipe,file
//   husk.argv0=./app husk.cwd=/ husk.env=K=V husk.verbose -- first%20argument second
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "launcher/config/launch_config.hpp"

namespace husk::qemu {

// I/O ports of the guest. Output ports take bytes at any time and answer nothing.
namespace port {
inline constexpr std::uint16_t standard_output = 0x401;
inline constexpr std::uint16_t standard_error = 0x402;
inline constexpr std::uint16_t status = 0x403;     // lines, see status_lines.hpp
inline constexpr std::uint16_t trace = 0x404;      // records of system calls (abi::TraceRecord)
inline constexpr std::uint16_t control = 0x2f8;    // a 16550, received bytes are frames, see control_frames.hpp
inline constexpr std::uint16_t debug_exit = 0xf4;  // a write ends QEMU
}  // namespace port

// What the guest cannot see for itself about the launcher's streams.
struct StreamFacts {
    std::string kinds = "pipe,pipe,pipe";  // of stdin, stdout, stderr: closed, tty, pipe, file or null
    bool one_output = false;               // stdout and stderr are the same file: one port keeps their order
};

[[nodiscard]] std::string encode_word(std::string_view word);

[[nodiscard]] std::string make_kernel_line(const config::LaunchConfig& config, const StreamFacts& streams);

}  // namespace husk::qemu
