// SPDX-License-Identifier: Apache-2.0
// The kernel command line by which a foreign VMM says what boot info says under our launcher.
//
// Words are separated by spaces; %XX in a word is the byte XX, a lone % the empty word. All words behind the first `--`
// are arguments, argv[1] first. Words that nobody knows are skipped.
//
//   husk.stdout=0x401 husk.stderr=0x402 husk.status=0x403 husk.control=0x2f8 husk.streams=tty,pipe,file
//   husk.argv0=./app husk.cwd=/ husk.env=K=V husk.verbose -- first%20argument second
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <husk/abi/boot_info.hpp>
#include <husk/abi/doorbell.hpp>

namespace husk::boot {

// Takes words off the front of a text.
class WordReader {
public:
    explicit WordReader(std::string_view text) : text_(text) {}
    std::optional<std::string_view> next();
    [[nodiscard]] std::string_view rest() const { return text_; }

private:
    std::string_view text_;
};

// Writes the bytes that a word stands for; returns how many. `to` has room for as many as the word has. A % that no two
// hexadecimal digits follow stands for itself.
std::size_t decode_word(std::string_view word, std::span<char> to);

// A word that QEMU puts behind everything else for each of its virtio devices: virtio_mmio.device=512@0xfeb00e00:12
struct DeviceWord {
    std::uint64_t registers;  // gpa
    std::uint32_t interrupt;  // I/O APIC input
};

struct KernelLine {
    std::uint16_t stdout_port = abi::serial_port;
    std::uint16_t stderr_port = abi::serial_port;
    std::uint16_t status_port = 0;   // 0: none
    std::uint16_t trace_port = 0;    // 0: none
    std::uint16_t control_port = 0;  // 0: stdin is the first serial port
    std::array<abi::StreamKind, 3> streams = {abi::StreamKind::tty, abi::StreamKind::tty, abi::StreamKind::tty};
    bool is_verbose = false;
    std::string_view program = "app";  // encoded, as all that follows
    std::string_view working_directory = "/";
    std::string_view settings;   // every word before `--`
    std::string_view arguments;  // every word behind it, but for device words at the very end
    std::array<DeviceWord, abi::max_devices> devices{};
    std::size_t device_count = 0;
};

// Views into `text`. A setting with a value that makes no sense is skipped.
KernelLine read_kernel_line(std::string_view text);

// What the parts of the runtime may know as a setting: NAME=VALUE behind `husk.`, unless the boot itself uses it.
std::optional<std::string_view> runtime_setting(std::string_view word);

// The value of a setting that may be repeated, by its name with the `=`.
std::optional<std::string_view> value_of(std::string_view word, std::string_view name);

}  // namespace husk::boot
