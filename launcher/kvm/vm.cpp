// SPDX-License-Identifier: Apache-2.0
#include "launcher/kvm/vm.hpp"

#include <sys/ioctl.h>

#include "launcher/host/errno_error.hpp"

namespace husk::kvm {

namespace {

constexpr std::uint64_t ioapic_pins = 24;  // KVM_CAP_SPLIT_IRQCHIP wants a number of routes; none is used

}  // namespace

Vm Vm::create(const System& system) {
    Vm vm(system.create_vm());
    kvm_enable_cap split{};
    split.cap = KVM_CAP_SPLIT_IRQCHIP;
    split.args[0] = ioapic_pins;
    if (::ioctl(vm.fd_.get(), KVM_ENABLE_CAP, &split) != 0)
        throw host::errno_error("this KVM has no split interrupt chip (KVM_CAP_SPLIT_IRQCHIP)");
    return vm;
}

void Vm::add_memory(abi::GuestPhys begin, std::span<std::byte> ram) { add_slot(begin, ram, 0); }

void Vm::add_read_only_memory(abi::GuestPhys begin, std::span<std::byte> bytes) {
    add_slot(begin, bytes, KVM_MEM_READONLY);
}

void Vm::add_slot(abi::GuestPhys begin, std::span<std::byte> bytes, std::uint32_t flags) {
    kvm_userspace_memory_region slot{};
    slot.slot = slots_++;
    slot.flags = flags;
    slot.guest_phys_addr = begin.value;
    slot.memory_size = bytes.size();
    // SAFETY: KVM takes the address as a number; the mapping outlives the VM.
    slot.userspace_addr = reinterpret_cast<std::uintptr_t>(bytes.data());
    if (::ioctl(fd_.get(), KVM_SET_USER_MEMORY_REGION, &slot) != 0)
        throw host::errno_error("KVM does not take the guest's memory (KVM_SET_USER_MEMORY_REGION)");
}

bool Vm::try_signal_on_write(abi::GuestPhys at, std::uint32_t value, int event_fd) const {
    kvm_ioeventfd request{};
    request.addr = at.value;
    request.len = sizeof value;
    request.datamatch = value;
    request.fd = event_fd;
    request.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
    return ::ioctl(fd_.get(), KVM_IOEVENTFD, &request) == 0;
}

bool Vm::try_exit_on_emulation_failure() const {
    kvm_enable_cap exits{};
    exits.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE;
    exits.args[0] = 1;
    return ::ioctl(fd_.get(), KVM_ENABLE_CAP, &exits) == 0;
}

Vcpu Vm::create_vcpu(std::uint32_t index, std::size_t run_bytes) const {
    host::FileDescriptor vcpu(::ioctl(fd_.get(), KVM_CREATE_VCPU, index));
    if (!vcpu.is_open()) throw host::errno_error("cannot create a virtual CPU (KVM_CREATE_VCPU)");
    return Vcpu(std::move(vcpu), run_bytes, index);
}

}  // namespace husk::kvm
