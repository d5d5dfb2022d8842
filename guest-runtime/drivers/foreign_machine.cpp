// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/foreign_machine.hpp"

#include <algorithm>
#include <array>
#include <atomic>

#include <husk/abi/doorbell.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/arch/interrupts.hpp"
#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/format.hpp"
#include "guest-runtime/drivers/foreign_console.hpp"
#include "guest-runtime/drivers/foreign_timer.hpp"
#include "guest-runtime/drivers/io_apic.hpp"
#include "guest-runtime/drivers/local_apic.hpp"
#include "guest-runtime/drivers/virtio_devices.hpp"
#include "guest-runtime/thread/clock.hpp"
#include "guest-runtime/thread/clock_source.hpp"

namespace husk::foreign_machine {

namespace {

constexpr std::uint8_t timer_vector = abi::exception_vectors;
constexpr std::uint8_t serial_vector = abi::exception_vectors + 1;
constexpr std::uint8_t device_vector = abi::exception_vectors + 2;  // of all virtio devices
constexpr std::uint8_t peer_vector = abi::exception_vectors + 3;    // another vCPU's: wake or interrupt
constexpr std::uint8_t wish_vector = abi::exception_vectors + 4;    // another vCPU's: want_tick has changed
// ISA interrupts; COM1 and COM3 share one, COM2 and COM4 the other.
constexpr unsigned first_serial_input = 4, second_serial_input = 3;

void set_attention(std::uint32_t bits) {
    std::atomic_ref(arch::per_cpu().mailbox.attention).fetch_or(bits, std::memory_order_acq_rel);
}

void serve(std::uint64_t vector) {
    if (vector == local_apic::spurious_vector) return;  // takes no end of interrupt [sdm3 10.9]
    if (vector == timer_vector) {
        foreign_timer::on_fired();
        set_attention(abi::attention::tick);
    } else if (vector == serial_vector) {
        set_attention(foreign_console::on_interrupt());
    } else if (vector == device_vector) {
        virtio_devices::acknowledge_interrupts();
        set_attention(abi::attention::devices);
    } else if (vector == peer_vector) {
        set_attention(abi::attention::peer);
    }  // wish_vector: leaving the handler does it
    local_apic::end_of_interrupt();
}

constinit std::array<std::uint8_t, arch::max_vcpus> apic_of{};
constinit std::uint8_t start_page = 0;
using Prepare = void (*)(std::uint32_t index);
constinit Prepare prepare_secondary = nullptr;
constinit std::atomic<std::uint64_t> started = arch::vcpu_bit(0);

}  // namespace

void name_cpus(std::span<const std::uint8_t> apics) {
    std::copy_n(apics.begin(), std::min(apics.size(), apic_of.size()), apic_of.begin());
}

void set_start_page(std::uint8_t number, void (*prepare)(std::uint32_t)) {
    start_page = number;
    prepare_secondary = prepare;
}

void wake_vcpu(std::uint32_t index) {
    if ((started.fetch_or(arch::vcpu_bit(index), std::memory_order_acq_rel) >> index & 1) != 0) {
        return local_apic::interrupt(apic_of[index], peer_vector);
    }
    prepare_secondary(index);
    local_apic::start(apic_of[index], start_page);
}

void give_up_vcpu(std::uint32_t index) {
    local_apic::stop(apic_of[index]);
    char buffer[80];
    TextWriter line(buffer);
    line.text("husk: CPU ").decimal(index).text(" does not start: the application goes on without it\n");
    foreign_console::print_error(line.view());
}

void interrupt_vcpu(std::uint32_t index) { local_apic::interrupt(apic_of[index], peer_vector); }
void update_timer_of(std::uint32_t index) { local_apic::interrupt(apic_of[index], wish_vector); }

void initialise_secondary(arch::PerCpu& cpu) {
    local_apic::enable(timer_vector);
    arch::initialise_interrupts(cpu);
}

void initialise(std::uint64_t tsc_hz, std::uint16_t control_port, std::span<const std::uint32_t> device_inputs) {
    io_apic::silence_old_controllers();
    local_apic::enable(timer_vector);
    local_apic::measure_timer(tsc_hz);
    foreign_timer::initialise(tsc_hz);
    if (io_apic::initialise()) {
        io_apic::route(first_serial_input, serial_vector, local_apic::id());
        if (control_port != 0) io_apic::route(second_serial_input, serial_vector, local_apic::id());
        for (std::uint32_t input : device_inputs) io_apic::route(input, device_vector, local_apic::id());
    }
    arch::initialise_interrupts(arch::per_cpu());
    foreign_console::accept_input();
}

void wait(std::uint64_t timeout_ns) {
    if (timeout_ns != UINT64_MAX) foreign_timer::set_wake_up(thread::tsc_at(thread::Deadline::after_ns(timeout_ns)));
    std::uint32_t vector = arch::wait_for_interrupt();
    if (vector != 0) {
        serve(vector);
        foreign_timer::leave_handler(false);
    }
    foreign_timer::set_wake_up(UINT64_MAX);
}

void exit(int status, int signal) {
    char buffer[32];
    TextWriter line(buffer);
    if (signal != 0) {
        line.text("signal ").decimal(static_cast<std::uint64_t>(signal));
    } else {
        line.text("exit ").decimal(static_cast<std::uint64_t>(status));
    }
    foreign_console::print_status(line.view());
    arch::out32(debug_exit_port, static_cast<std::uint32_t>(signal != 0 ? 128 + signal : status));
    arch::reset_machine();
}

}  // namespace husk::foreign_machine

extern "C" bool husk_interrupt(husk::arch::Context* context, std::uint64_t vector) {
    using namespace husk;
    auto is_attention_wanted = [] {
        const std::uint32_t bits = std::atomic_ref(arch::per_cpu().mailbox.attention).load(std::memory_order_relaxed);
        return (bits & ~abi::attention::own) != 0;
    };
    if (!is_attention_wanted()) foreign_timer::forget_looks();
    foreign_machine::serve(vector);
    bool is_wanted = is_attention_wanted(), is_in_runtime = arch::is_runtime_text(context->rip);
    foreign_timer::leave_handler(is_wanted && is_in_runtime);
    return is_wanted && !is_in_runtime;
}
