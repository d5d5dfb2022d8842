// SPDX-License-Identifier: Apache-2.0
// The console that files read and write, over whatever platform there is.
#include "guest-runtime/fs/console_port.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/boot/boot_state.hpp"
#include "guest-runtime/thread/console_wait.hpp"

namespace husk::fs {

Result<std::size_t> console_read(std::span<std::byte> to) { return platform::console_read(to); }

Result<std::size_t> console_write(int stream, std::span<const std::byte> from) {
    return platform::console_write(stream, from);
}

unsigned console_poll(int stream, unsigned wanted) { return platform::console_poll(stream, wanted); }
thread::WaitQueue& console_queue() { return thread::console_queue(); }
abi::StreamKind console_kind(int stream) { return boot::boot_info().streams[stream & 3]; }

TerminalSize console_terminal_size() { return {boot::boot_info().terminal_rows, boot::boot_info().terminal_columns}; }

}  // namespace husk::fs
