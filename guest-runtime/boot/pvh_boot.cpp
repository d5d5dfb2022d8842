// SPDX-License-Identifier: Apache-2.0
// Does under a foreign VMM what our launcher would have done: from the PVH entry, in ring 0, to the first instruction
// in ring 3.
#include <array>

#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/arch/privileged.hpp"
#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/boot/pvh_address_space.hpp"
#include "guest-runtime/boot/pvh_boot_info.hpp"
#include "guest-runtime/boot/pvh_cpus.hpp"
#include "guest-runtime/boot/pvh_failure.hpp"
#include "guest-runtime/boot/pvh_kernel_line.hpp"
#include "guest-runtime/boot/pvh_patches.hpp"
#include "guest-runtime/boot/pvh_processor.hpp"
#include "guest-runtime/boot/pvh_secondary.hpp"
#include "guest-runtime/boot/pvh_start_info.hpp"
#include "guest-runtime/drivers/foreign_console.hpp"
#include "guest-runtime/drivers/foreign_machine.hpp"
#include "guest-runtime/drivers/interval_timer.hpp"
#include "guest-runtime/drivers/io_apic.hpp"
#include "guest-runtime/drivers/kvm_clock.hpp"
#include "guest-runtime/drivers/real_time_clock.hpp"
#include "guest-runtime/drivers/serial_port.hpp"

extern "C" {
[[noreturn]] void husk_pvh_boot(const husk::boot::pvh::StartInfo* start);
[[noreturn]] void husk_enter_ring3(const husk::abi::BootInfo* info, std::uint64_t rsp);
}

namespace husk::boot::pvh {

void fail(std::string_view why) {
    constexpr std::uint32_t status = 125;  // what launchers say when they cannot start something
    foreign_console::print_error("husk: cannot boot: ");
    foreign_console::print_error(why);
    foreign_console::print_error("\n");
    foreign_console::print_status("panic");
    arch::out32(foreign_machine::debug_exit_port, status);
    arch::shut_down();
}

namespace {

KernelLine open_console(const StartInfo& start) {
    foreign_console::initialise({abi::serial_port, abi::serial_port, 0, 0, 0}, abi::StreamKind::tty);
    if (start.magic != start_info_magic) fail("what the VMM handed over is no PVH start info");
    KernelLine line;
    if (start.command_line != 0) line = read_kernel_line(pointer_to<const char>(start.command_line));
    foreign_console::initialise(
        {line.stdout_port, line.stderr_port, line.status_port, line.trace_port, line.control_port}, line.streams[0]);
    if (start.version < version_with_memory_map || start.memory_map == 0)
        fail("the VMM's start info has no memory map");
    return line;
}

struct Time {
    std::uint64_t tsc_hz;
    std::int64_t wall_clock_ns;
};

// The TSC's frequency as the CPU or the hypervisor states it, 0 if neither does [sdm2 cpuid, leaf 15H].
std::uint64_t stated_tsc_hz() {
    constexpr std::uint32_t hypervisor_leaf = 0x4000'0000, timing_leaf = 0x4000'0010;
    if (arch::cpuid(hypervisor_leaf).eax >= timing_leaf) {
        if (std::uint64_t khz = arch::cpuid(timing_leaf).eax; khz != 0) return khz * 1000;
    }
    if (arch::cpuid(0).eax < 0x15) return 0;
    arch::CpuidResult ratio = arch::cpuid(0x15);
    return ratio.eax == 0 ? 0 : std::uint64_t{ratio.ecx} * ratio.ebx / ratio.eax;
}

Time find_time() {
    if (auto reading = kvm_clock::read()) return {reading->tsc_hz, reading->wall_clock_ns};
    std::uint64_t tsc_hz = stated_tsc_hz();
    if (tsc_hz == 0) tsc_hz = interval_timer::measure_tsc_hz();
    if (tsc_hz == 0) fail("neither the CPU, the VMM nor a timer says how fast the TSC counts");
    constexpr std::int64_t ns_per_second = 1'000'000'000;
    return {tsc_hz, real_time_clock::read_seconds().value_or(0) * ns_per_second};
}

// Why the application has one CPU where the machine seems to have several; nothing where that is how it should be.
std::string_view why_one_cpu(const CpuList& cpus, const MemoryPlan& plan) {
    if (cpus.count > 1 && plan.low_page == 0)
        return "has several CPUs and no memory below 1 MiB that they could start from";
    // How many the package has room for [sdm2 cpuid, leaf 01H].
    const arch::CpuidResult leaf = arch::cpuid(1);
    const bool counts = (leaf.edx >> 28 & 1) != 0;
    if (cpus.count == 1 && counts && (leaf.ebx >> 16 & 0xff) > 1)
        return "has several CPUs and describes one, by ACPI or an MP table";
    return {};
}

void say_why_one_cpu(std::string_view why) {
    if (why.empty()) return;
    foreign_console::print_error("husk: the machine ");
    foreign_console::print_error(why);
    foreign_console::print_error(": the application has one\n");
}

class OpenPorts {
public:
    void add(std::uint16_t first, std::uint16_t count) {
        for (std::uint16_t i = 0; i < count && count_ < ports_.size(); ++i) {
            if (first != 0) ports_[count_++] = static_cast<std::uint16_t>(first + i);
        }
    }
    [[nodiscard]] std::span<const std::uint16_t> all() const { return {ports_.data(), count_}; }

private:
    std::array<std::uint16_t, 64> ports_{};
    std::size_t count_ = 0;
};

OpenPorts ports_of(const KernelLine& line) {
    OpenPorts ports;
    ports.add(abi::serial_port, serial_ports_each);
    ports.add(line.control_port, serial_ports_each);
    ports.add(line.stdout_port, 1);
    ports.add(line.stderr_port, 1);
    ports.add(line.status_port, 1);
    ports.add(line.trace_port, 1);
    ports.add(foreign_machine::debug_exit_port, sizeof(std::uint32_t));
    return ports;
}

}  // namespace

}  // namespace husk::boot::pvh

void husk_pvh_boot(const husk::boot::pvh::StartInfo* start) {
    using namespace husk;
    using namespace husk::boot::pvh;
    platform::is_foreign = true;
    boot::KernelLine line = open_console(*start);
    enable_features();

    std::size_t line_bytes = line.settings.size() + line.arguments.size();
    CpuList cpus = find_cpus(*start);
    auto plan = plan_memory(*start, image_range(), boot_info_bytes(line_bytes), cpus.count, has_giant_pages());
    if (!plan) fail("the machine has too little memory for the image: give it more");
    say_why_one_cpu(why_one_cpu(cpus, *plan));
    PageTables tables(plan->tables, has_giant_pages());
    map_address_space(tables, *plan, line);
    apply_patches();
    Time time = find_time();
    write_boot_info(*plan, line, {tables.root(), tables.unused(), time.tsc_hz, time.wall_clock_ns});
    for (std::uint32_t vcpu = 0; vcpu < plan->vcpu_count; ++vcpu) write_descriptors(*plan, vcpu, ports_of(line).all());
    note_secondaries(*plan, tables.root());
    load_state({tables.root(), plan->descriptors_of(0), plan->area_of(0)});

    // From here on the memory below 4 GiB is no longer where it was; the maps of the final address space are.
    arch::initialise_per_cpu(arch::per_cpu());
    std::array<std::uint32_t, abi::max_devices> inputs{};
    for (std::size_t i = 0; i < line.device_count; ++i) inputs[i] = line.devices[i].interrupt;
    foreign_machine::name_cpus({cpus.apics.data(), cpus.count});
    foreign_machine::initialise(time.tsc_hz, line.control_port, std::span(inputs).first(line.device_count));
    abi::GuestVirt info = abi::physmap({plan->boot_info.begin});
    // SAFETY: the record was written there, and the physmap maps it.
    husk_enter_ring3(reinterpret_cast<const abi::BootInfo*>(info.value),
                     abi::physmap({plan->area_of(0) + abi::vcpu_area::boot_stack_end}).value);
}
