// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/doorbells.hpp"

#include <husk/abi/doorbell.hpp>
#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/per_cpu.hpp"

namespace husk::doorbells {

namespace {

using abi::Doorbell;

std::int64_t ring(Doorbell doorbell, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0) {
    abi::VcpuMailbox& mailbox = arch::per_cpu().mailbox;
    mailbox.argument[0] = a;
    mailbox.argument[1] = b;
    mailbox.argument[2] = c;
    arch::out32(static_cast<std::uint16_t>(doorbell), 0);
    return mailbox.result;
}

// The gpa behind a pointer of the runtime's: into the physmap, or into the image, which is mapped where it lies.
std::uint64_t gpa_of(const void* pointer) {
    // SAFETY: an address only.
    auto address = reinterpret_cast<std::uint64_t>(pointer);
    return address >= abi::physmap_base ? address - abi::physmap_base : address;
}

Result<std::size_t> as_size(std::int64_t result) {
    if (result < 0) return static_cast<Errno>(-result);
    return static_cast<std::size_t>(result);
}

}  // namespace

void wait(std::uint64_t timeout_ns) { ring(Doorbell::wait, timeout_ns); }
void give_way() { ring(Doorbell::give_way); }
void wake_vcpu(std::uint32_t index) { ring(Doorbell::wake, index); }
void interrupt_vcpu(std::uint32_t index) { ring(Doorbell::interrupt, index); }

Result<std::size_t> console_read(std::span<std::byte> buffer) {
    return as_size(ring(Doorbell::console_read, gpa_of(buffer.data()), buffer.size()));
}

Result<std::size_t> console_write(int stream, std::span<const std::byte> bytes) {
    return as_size(
        ring(Doorbell::console_write, static_cast<std::uint64_t>(stream), gpa_of(bytes.data()), bytes.size()));
}

unsigned console_poll(int stream, unsigned wanted) {
    std::int64_t events = ring(Doorbell::console_poll, static_cast<std::uint64_t>(stream), wanted);
    return events < 0 ? 0 : static_cast<unsigned>(events);
}

Result<std::size_t> give_back(std::span<const abi::PhysRange> blocks) {
    return as_size(ring(Doorbell::give_back, gpa_of(blocks.data()), blocks.size()));
}

void log(std::string_view line) { ring(Doorbell::log, gpa_of(line.data()), line.size()); }
void trace(const void* ring_memory, std::size_t size_bytes) { ring(Doorbell::trace, gpa_of(ring_memory), size_bytes); }
void crash(const abi::CrashRecord& record) { ring(Doorbell::crash, gpa_of(&record)); }

std::int64_t stop(abi::StopRecord& record) { return ring(Doorbell::stop, gpa_of(&record)); }

void exit(int status, int signal) {
    for (;;) ring(Doorbell::exit, static_cast<std::uint64_t>(status), static_cast<std::uint64_t>(signal));
}

}  // namespace husk::doorbells
