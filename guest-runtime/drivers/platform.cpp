// SPDX-License-Identifier: Apache-2.0
// Sends each call to whichever of the two platforms there is.
#include "guest-runtime/base/platform.hpp"

#include "guest-runtime/drivers/doorbells.hpp"
#include "guest-runtime/drivers/foreign_console.hpp"
#include "guest-runtime/drivers/foreign_machine.hpp"
#include "guest-runtime/drivers/foreign_timer.hpp"
#include "guest-runtime/drivers/trace_ring.hpp"

namespace husk::platform {

constinit bool is_foreign = false;

void wait(std::uint64_t timeout_ns) { is_foreign ? foreign_machine::wait(timeout_ns) : doorbells::wait(timeout_ns); }

void give_way() {
    if (!is_foreign) doorbells::give_way();
}
void give_up_vcpu(std::uint32_t index) { foreign_machine::give_up_vcpu(index); }
void wake_vcpu(std::uint32_t index) { is_foreign ? foreign_machine::wake_vcpu(index) : doorbells::wake_vcpu(index); }
void interrupt_vcpu(std::uint32_t index) {
    is_foreign ? foreign_machine::interrupt_vcpu(index) : doorbells::interrupt_vcpu(index);
}

void update_foreign_timer() { foreign_timer::update(); }
void update_foreign_timer_of(std::uint32_t vcpu) { foreign_machine::update_timer_of(vcpu); }

Result<std::size_t> console_read(std::span<std::byte> buffer) {
    return is_foreign ? foreign_console::read_input(buffer) : doorbells::console_read(buffer);
}

Result<std::size_t> console_write(int stream, std::span<const std::byte> bytes) {
    return is_foreign ? foreign_console::write_output(stream, bytes) : doorbells::console_write(stream, bytes);
}

unsigned console_poll(int stream, unsigned wanted) {
    return is_foreign ? foreign_console::poll(stream, wanted) : doorbells::console_poll(stream, wanted);
}

// A foreign VMM has no way to take it.
Result<std::size_t> give_back(std::span<const abi::PhysRange> blocks) {
    if (is_foreign) return Errno::enosys;
    return doorbells::give_back(blocks);
}

void log(std::string_view line) {
    if (!is_foreign) return doorbells::log(line);
    foreign_console::print_error("husk: ");
    foreign_console::print_error(line);
    foreign_console::print_error("\n");
}

bool trace(std::span<const std::byte> record) {
    return is_foreign ? foreign_console::write_trace(record) : trace_ring::write(record);
}

void crash(const abi::CrashRecord& record) {
    is_foreign ? foreign_machine::report_crash(record) : doorbells::crash(record);
}

// A foreign VMM brings its own debugger, and no boot flag asks for ours.
std::int64_t stop(abi::StopRecord& record) { return is_foreign ? 1 : doorbells::stop(record); }

void exit(int status, int signal) {
    if (is_foreign) foreign_machine::exit(status, signal);
    doorbells::exit(status, signal);
}

}  // namespace husk::platform
