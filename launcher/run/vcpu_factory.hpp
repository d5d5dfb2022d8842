// SPDX-License-Identifier: Apache-2.0
// Makes the vCPUs of one VM, each with the state of its first instruction.
//
//   kvm::Vcpu vcpu = factory.create_boot();
//   factory.set_first_state(vcpu, mailbox);     // once the boot info is written
//   ... on a secondary vCPU's own thread, at any time:
//   kvm::Vcpu other = factory.create_secondary(1, mailbox);
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <husk/abi/doorbell.hpp>

#include "launcher/boot/memory_plan.hpp"
#include "launcher/image/image.hpp"
#include "launcher/kvm/cpu_model.hpp"
#include "launcher/kvm/system.hpp"
#include "launcher/kvm/vcpu.hpp"
#include "launcher/kvm/vm.hpp"
#include "launcher/memory/guest_memory.hpp"

namespace husk::run {

class VcpuFactory final {
public:
    // All but system live longer than this object.
    VcpuFactory(const kvm::System& system, const kvm::Vm& vm, const kvm::CpuModel& cpu_model,
                const boot::MemoryPlan& plan, const image::Image& image, const memory::GuestMemory& memory);

    // The first vCPU, from which the others get their clock. Throws host::Error.
    [[nodiscard]] kvm::Vcpu create_boot();

    // All vCPUs read one counter as long as the host's TSC is one clock. Behind create_boot().
    [[nodiscard]] bool keeps_one_tsc() const { return cpu_model_.kind == kvm::Kind::pvm || exact_tsc_offset_; }

    // Its descriptors, mailbox and registers.
    void set_first_state(kvm::Vcpu& vcpu, abi::VcpuMailbox& mailbox) const;

    // Another one, ready to run. On any thread: it only reads this object. Throws host::Error.
    [[nodiscard]] kvm::Vcpu create_secondary(std::uint32_t index, abi::VcpuMailbox& mailbox) const;

private:
    [[nodiscard]] kvm::Vcpu create(std::uint32_t index) const;
    [[nodiscard]] bool needs_cpuid() const;

    const kvm::Vm& vm_;
    const kvm::CpuModel& cpu_model_;
    const boot::MemoryPlan& plan_;
    const image::Image& image_;
    const memory::GuestMemory& memory_;
    const std::size_t run_bytes_;
    std::optional<std::uint64_t> exact_tsc_offset_;  // of the boot vCPU, where KVM keeps one
};

}  // namespace husk::run
