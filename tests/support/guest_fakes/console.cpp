// SPDX-License-Identifier: Apache-2.0
// A console whose input a test provides and whose output it reads, and the facts behind /proc.
#include <cstring>
#include <utility>

#include "guest-runtime/fs/console_port.hpp"
#include "guest-runtime/fs/network_facts.hpp"
#include "guest-runtime/fs/open_flags.hpp"
#include "guest-runtime/fs/system_facts.hpp"
#include "tests/support/guest_fakes/machine.hpp"

namespace husk {

namespace {

std::string input;
bool input_ends = false;
std::string output;

}  // namespace

namespace fs {

Result<std::size_t> console_read(std::span<std::byte> to) {
    if (input.empty()) return input_ends ? Result<std::size_t>(std::size_t{0}) : Errno::eagain;
    std::size_t size = std::min(to.size(), input.size());
    std::memcpy(to.data(), input.data(), size);
    input.erase(0, size);
    return size;
}

Result<std::size_t> console_write(int, std::span<const std::byte> from) {
    output.append(reinterpret_cast<const char*>(from.data()), from.size());
    return from.size();
}

unsigned console_poll(int stream, unsigned) {
    if (stream != 0) return poll_bit::out;
    return input.empty() && !input_ends ? 0 : poll_bit::in;
}

thread::WaitQueue& console_queue() {
    static thread::WaitQueue queue;
    return queue;
}

abi::StreamKind console_kind(int) { return abi::StreamKind::pipe; }
TerminalSize console_terminal_size() { return {25, 80}; }

namespace facts {

std::string_view argument_block() { return {"./program\0one", 14}; }
std::string_view environment_block() { return {"HOME=/root", 11}; }
std::string_view working_directory() { return "/data/here"; }
std::string_view image_path() { return "./program"; }
std::span<const std::byte> auxiliary_vector() { return {}; }
CpuidAnswer cpuid(std::uint32_t, std::uint32_t) { return {}; }
std::uint64_t tsc_hz() { return 2'000'000'000; }
SystemNames system_names() { return {"Linux", "husk", "6.1.0-husk", "#1"}; }
void write_name_servers(Text& to) { to.text("nameserver 192.0.2.53\n"); }
void write_interfaces(Text&) {}
void write_ipv6_addresses(Text&) {}
void write_tcp_connections(Text&, bool) {}
void write_udp_sockets(Text&, bool) {}
void write_routes(Text&) {}

}  // namespace facts

}  // namespace fs

namespace test {

std::string take_console_output() { return std::exchange(output, {}); }
void set_console_input(std::string text, bool at_end) {
    input = std::move(text);
    input_ends = at_end;
    fs::console_queue().wake_all();
}

}  // namespace test

}  // namespace husk
