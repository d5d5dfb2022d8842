// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/machine.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <sys/random.h>

#include <husk/abi/memory_layout.hpp>

#include "launcher/boot/address_space.hpp"
#include "launcher/boot/apply_patches.hpp"
#include "launcher/boot/boot_info.hpp"
#include "launcher/boot/descriptors.hpp"
#include "launcher/boot/load_image.hpp"
#include "launcher/boot/page_table_builder.hpp"
#include "launcher/host/clock.hpp"
#include "launcher/host/cpu_affinity.hpp"
#include "launcher/host/errno_error.hpp"
#include "launcher/host/standard_streams.hpp"
#include "launcher/run/step_timer.hpp"

namespace husk::run {

namespace {

constexpr std::uint32_t vcpu_count = 1;

boot::BootBlobs blobs_of(const config::LaunchConfig& config, const kvm::CpuModel& cpu_model, const Devices& devices) {
    return {cpu_model.guest_cpuid(),  config.image.native(), config.arguments, config.environment,
            config.working_directory, devices.settings(),    devices.records()};
}

std::uint32_t flags_of(const config::LaunchConfig& config, const RunHooks& hooks) {
    std::uint32_t flags = abi::boot_flag::ram_is_zero;
    if (config.verbose) flags |= abi::boot_flag::verbose;
    if (config.core_file) flags |= abi::boot_flag::core_wanted;
    if (hooks.on_stop) flags |= abi::boot_flag::debugger;
    return flags;
}

void fill_streams(abi::BootInfo& info) {
    const auto& streams = host::standard_streams();
    for (std::size_t i = 0; i < streams.size(); ++i) info.streams[i] = streams[i];
    const host::TerminalSize terminal = host::terminal_size();
    info.terminal_rows = terminal.rows;
    info.terminal_columns = terminal.columns;
}

void fill_seed(abi::BootInfo& info) {
    if (::getrandom(info.seed, sizeof info.seed, 0) != static_cast<ssize_t>(sizeof info.seed))
        throw host::errno_error("cannot get random bytes for the guest");
}

abi::GuestVirt choose_main_stack_end() {
    std::uint64_t random = 0;
    if (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random))
        throw host::errno_error("cannot get random bytes for the guest");
    const std::uint64_t below = abi::align_down(random % abi::main_stack_random_bytes, abi::page_size);
    return {abi::main_stack_highest_end - below};
}

// Says what is wrong with --pin before anything is made.
void check_pins(const std::vector<unsigned>& pins) {
    if (pins.empty()) return;
    if (pins.size() != vcpu_count)
        throw host::Error(host::ExitCode::placement, "--pin names " + std::to_string(pins.size()) +
                                                         " CPUs, but the VM has " + std::to_string(vcpu_count) +
                                                         " virtual CPU: name one for each");
    const std::vector<unsigned> allowed = host::allowed_cpus();
    for (const unsigned pin : pins) {
        if (std::ranges::find(allowed, pin) == allowed.end())
            throw host::Error(host::ExitCode::placement, "--pin names CPU " + std::to_string(pin) +
                                                             ", which is not there or not for this process");
    }
}

}  // namespace

Machine::Machine(const config::LaunchConfig& config, const image::Image& image, const RunHooks& hooks, Stats& stats)
    : config_(config),
      image_(image),
      hooks_(hooks),
      stats_(stats),
      memory_(memory::GuestMemory::create(config.memory_bytes, config.huge_pages, config.placement)),
      devices_(config, memory_, *this, hooks.on_warning) {
    StepTimer timer(stats);
    check_pins(config.pins);
    if (!config.name.empty()) name_.emplace(control::NameClaim::claim(config.name));
    const kvm::System system = kvm::System::open();
    kvm::load_cpu_model(system, cpu_model_);
    timer.done("cpu model");
    plan_ = boot::plan_memory(image.segments, memory_.size_bytes(), vcpu_count,
                              boot::boot_info_bytes(blobs_of(config_, cpu_model_, devices_)), devices_.needs());
    abi::BootInfo info = map_memory();
    timer.done("page tables");
    // On this thread: KVM waits for kernel threads in each of the steps that follow, and those wait for a time slice to
    // end, 4 ms and more, when a second thread of ours copies on their CPU.
    boot::load_image(image, memory_);
    timer.done("load image");
    boot::apply_patches(image_, memory_);
    timer.done("apply patches");
    vm_ = kvm::Vm::create(system);
    timer.done("create VM");
    if (!devices_.empty()) {
        devices_.connect(*vm_, plan_.device_queues);
        timer.done("add devices");
    }
    create_vcpus(system);
    timer.done("create vCPU");
    write_boot_info(info);
    for (VirtualCpu& cpu : cpus_) set_first_state(cpu);
    timer.done("first state");
    slots_.emplace(*vm_, memory_, cpu_model_.kind, plan_.image.end);
    timer.done("add memory");

    doorbells_.emplace(memory_, abi::GuestPhys{plan_.tables.begin}, hooks_, static_cast<DoorbellHost&>(*this));
    stats.kvm_kind = cpu_model_.kind;
    stats.backing = memory_.backing();
    stats.memory_bytes = memory_.size_bytes();
    stats.tsc_hz = tsc_hz_;
}

Machine::~Machine() = default;

void Machine::create_vcpus(const kvm::System& system) {
    const std::size_t run_bytes = system.vcpu_run_bytes();
    for (std::uint32_t index = 0; index < vcpu_count; ++index) {
        auto* const mailbox = memory_.try_shared<abi::VcpuMailbox>(plan_.vcpu_area(index));
        if (mailbox == nullptr) throw host::Error(host::ExitCode::memory_too_small, "no memory for a virtual CPU");
        VirtualCpu& cpu = cpus_.emplace_back(vm_->create_vcpu(index, run_bytes), *mailbox);
        if (needs_cpuid()) cpu.vcpu.set_cpuid(cpu_model_.for_kvm);
        if (index != 0) cpu.vcpu.set_runnable();
    }
    tsc_hz_ = cpus_.front().vcpu.tsc_hz();
    // Without virtualisation of the TSC there is nothing that could differ.
    if (cpu_model_.kind == kvm::Kind::hw) tsc_offset_ = cpus_.front().vcpu.tsc_offset();
}

bool Machine::needs_cpuid() const {
    // Without hardware, ring 3 sees the host's cpuid whatever KVM was told; what is left is the physical address width,
    // which KVM takes to be 36 bits until told otherwise. Measured: 60-90 us.
    constexpr std::uint64_t default_width_end = std::uint64_t{1} << 36;
    return cpu_model_.kind == kvm::Kind::hw || abi::mmio_hole_end + memory_.size_bytes() > default_width_end;
}

abi::BootInfo Machine::map_memory() {
    const auto words = memory_.try_words({plan_.tables.begin}, plan_.tables.end - plan_.tables.begin);
    // Shadow paging splits giant pages anyway.
    const auto largest = cpu_model_.kind == kvm::Kind::hw && cpu_model_.has_giant_pages() ? boot::PageSize::giant
                                                                                          : boot::PageSize::large;
    // All that is about to be written, and the pages of the vCPUs, in one call instead of a fault for each.
    constexpr std::uint64_t first_tables_bytes = 16 * abi::page_size;
    memory_.prefault({plan_.kernel_stack.begin}, plan_.tables.begin + first_tables_bytes - plan_.kernel_stack.begin);
    boot::PageTableBuilder tables(words, {plan_.tables.begin}, largest);
    const abi::GuestVirt main_stack_end = choose_main_stack_end();
    if (!boot::map_address_space(tables, plan_, image_.segments, main_stack_end))
        throw host::Error(
            host::ExitCode::host_failure,
            "the page tables for " + std::to_string(memory_.size_bytes() >> 30) + " GiB do not fit: use less --memory");

    abi::BootInfo info{};
    info.page_table_root = tables.root().value;
    info.table_pool = {tables.end().value, plan_.tables.end};
    info.vcpu_areas = plan_.vcpu_areas.begin;
    info.free_range_count = plan_.free_range_count;
    for (std::uint32_t i = 0; i < plan_.free_range_count; ++i) info.free_ranges[i] = plan_.free_ranges[i];
    info.main_stack_end = main_stack_end.value;
    return info;
}

void Machine::write_boot_info(abi::BootInfo info) {
    info.flags = flags_of(config_, hooks_);
    info.vcpu_count = vcpu_count;
    const host::WallClock clock = host::read_wall_clock();
    info.tsc_hz = tsc_hz_;
    info.wall_clock_ns = clock.wall_clock_ns;
    info.host_tsc = clock.host_tsc;
    info.tsc_offset = tsc_offset_;
    info.xcr0 = cpu_model_.xcr0;
    info.xsave_size_bytes = cpu_model_.xsave_size_bytes;
    fill_seed(info);
    fill_streams(info);
    const boot::BootBlobs blobs = blobs_of(config_, cpu_model_, devices_);
    boot::write_boot_info(info, blobs, memory_.try_span({plan_.boot_info.begin}, boot::boot_info_bytes(blobs)));
}

void Machine::set_first_state(VirtualCpu& cpu) {
    const std::uint32_t index = cpu.vcpu.index();
    const abi::GuestPhys area = plan_.vcpu_area(index);
    const abi::GuestPhys page{plan_.descriptors.begin + index * abi::page_size};
    const abi::GuestVirt page_address = abi::supervisor_map(page);
    const boot::DescriptorPage descriptors = boot::make_descriptors(
        page_address, abi::physmap(area + abi::vcpu_area::ring0_stack_end), image_.note.trap_stubs);
    if (!memory_.copy_out(page, std::as_bytes(std::span(&descriptors, 1))))
        throw host::Error(host::ExitCode::memory_too_small, "no memory for a virtual CPU's descriptors");

    cpu.mailbox.self = abi::physmap(area).value;
    cpu.mailbox.vcpu_index = index;
    cpu.mailbox.timer_deadline_tsc = UINT64_MAX;

    kvm::CpuState state{};
    state.page_table_root = {plan_.tables.begin};
    state.gdt = {page_address.value + offsetof(boot::DescriptorPage, gdt), sizeof descriptors.gdt - 1};
    state.idt = {page_address.value + offsetof(boot::DescriptorPage, idt), sizeof descriptors.idt - 1};
    state.task_state = {page_address.value + offsetof(boot::DescriptorPage, task_state),
                        sizeof descriptors.task_state - 1};
    state.rip = image_.note.entry;
    state.rdi = abi::physmap({plan_.boot_info.begin}).value;
    state.rsp = abi::physmap(area + abi::vcpu_area::boot_stack_end).value;
    state.gs_base = abi::physmap(area).value;
    state.syscall_target = image_.note.syscall_trap;
    state.xcr0 = cpu_model_.xcr0;
    cpu.vcpu.set_state(state, cpu_model_.kind == kvm::Kind::hw);
}

}  // namespace husk::run
