// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/vcpu_factory.hpp"

#include <span>

#include <husk/abi/memory_layout.hpp>

#include "launcher/boot/descriptors.hpp"
#include "launcher/host/error.hpp"

namespace husk::run {

VcpuFactory::VcpuFactory(const kvm::System& system, const kvm::Vm& vm, const kvm::CpuModel& cpu_model,
                         const boot::MemoryPlan& plan, const image::Image& image, const memory::GuestMemory& memory)
    : vm_(vm),
      cpu_model_(cpu_model),
      plan_(plan),
      image_(image),
      memory_(memory),
      run_bytes_(system.vcpu_run_bytes()) {}

kvm::Vcpu VcpuFactory::create(std::uint32_t index) const {
    kvm::Vcpu vcpu = vm_.create_vcpu(index, run_bytes_);
    if (needs_cpuid()) vcpu.set_cpuid(cpu_model_.for_kvm);
    return vcpu;
}

kvm::Vcpu VcpuFactory::create_boot() {
    kvm::Vcpu vcpu = create(0);
    // Without virtualisation of the TSC there is nothing that could differ.
    if (plan_.vcpu_count > 1 && cpu_model_.kind == kvm::Kind::hw) exact_tsc_offset_ = vcpu.try_exact_tsc_offset();
    return vcpu;
}

kvm::Vcpu VcpuFactory::create_secondary(std::uint32_t index, abi::VcpuMailbox& mailbox) const {
    kvm::Vcpu vcpu = create(index);
    vcpu.set_runnable();
    // KVM gives a new vCPU the offset of the others when it takes the host's TSC to be stable. Only this makes sure.
    if (exact_tsc_offset_) vcpu.set_exact_tsc_offset(*exact_tsc_offset_);
    set_first_state(vcpu, mailbox);
    return vcpu;
}

bool VcpuFactory::needs_cpuid() const {
    // Without hardware, ring 3 sees the host's cpuid whatever KVM was told; what is left is the physical address width,
    // which KVM takes to be 36 bits until told otherwise. Measured: 60-90 us.
    constexpr std::uint64_t default_width_end = std::uint64_t{1} << 36;
    return cpu_model_.kind == kvm::Kind::hw || abi::mmio_hole_end + memory_.size_bytes() > default_width_end;
}

void VcpuFactory::set_first_state(kvm::Vcpu& vcpu, abi::VcpuMailbox& mailbox) const {
    const std::uint32_t index = vcpu.index();
    const abi::GuestPhys area = plan_.vcpu_area(index);
    const abi::GuestPhys page{plan_.descriptors.begin + index * abi::page_size};
    const abi::GuestVirt page_address = abi::supervisor_map(page);
    const boot::DescriptorPage descriptors = boot::make_descriptors(
        page_address, abi::physmap(area + abi::vcpu_area::ring0_stack_end), image_.note.trap_stubs);
    if (!memory_.copy_out(page, std::as_bytes(std::span(&descriptors, 1))))
        throw host::Error(host::ExitCode::memory_too_small, "no memory for a virtual CPU's descriptors");

    mailbox.self = abi::physmap(area).value;
    mailbox.vcpu_index = index;
    mailbox.timer_deadline_tsc = UINT64_MAX;

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
    vcpu.set_state(state, cpu_model_.kind == kvm::Kind::hw);
}

}  // namespace husk::run
