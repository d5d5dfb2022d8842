// SPDX-License-Identifier: Apache-2.0
// stdin, stdout and stderr of a foreign VMM's machine: I/O ports that take bytes, and a serial port that brings them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <husk/abi/boot_info.hpp>

#include "guest-runtime/base/result.hpp"

namespace husk::foreign_console {

struct Ports {
    std::uint16_t standard_output;
    std::uint16_t standard_error;
    std::uint16_t status;   // lines "exit N", "signal N", "panic", "read N"; 0: nobody listens
    std::uint16_t trace;    // records of system calls; 0: nobody listens
    std::uint16_t control;  // a serial port with frames of stdin and signals; 0: stdin is the first serial port
};

// In ring 0.
void initialise(const Ports& ports, abi::StreamKind standard_input);
// Interrupt vectors of the serial ports may be delivered from here on.
void accept_input();

// As in platform.hpp. `read_` asks the other side for bytes where it has to be asked.
Result<std::size_t> read_input(std::span<std::byte> to);
Result<std::size_t> write_output(int stream, std::span<const std::byte> bytes);
unsigned poll(int stream, unsigned wanted);

// All of it, however long it takes.
void print_error(std::string_view text);
void print_status(std::string_view line);
// False: nobody listens.
bool write_trace(std::span<const std::byte> record);

// In the handler of a serial port's interrupt: returns attention bits.
std::uint32_t on_interrupt();

}  // namespace husk::foreign_console
