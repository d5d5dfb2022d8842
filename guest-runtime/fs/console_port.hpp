// SPDX-License-Identifier: Apache-2.0
// What console files ask of whoever moves the bytes of stdin, stdout and stderr out of the VM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <husk/abi/boot_info.hpp>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::fs {

// Spans lie in the runtime's heap. None of these sleeps: they are called between prepare_to_park() and park().
// EAGAIN: nothing now, and console_queue() is woken when there is. 0: end of input.
Result<std::size_t> console_read(std::span<std::byte> to);
// Bytes taken, at least one. EAGAIN as above; EPIPE when the reader is gone.
Result<std::size_t> console_write(int stream, std::span<const std::byte> from);
// poll_bit bits that hold now; console_queue() is woken when one of `wanted` comes to hold.
unsigned console_poll(int stream, unsigned wanted);
thread::WaitQueue& console_queue();

abi::StreamKind console_kind(int stream);
struct TerminalSize {
    std::uint16_t rows;
    std::uint16_t columns;
};
TerminalSize console_terminal_size();

}  // namespace husk::fs
