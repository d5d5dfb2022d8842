// SPDX-License-Identifier: Apache-2.0
// One virtual machine of KVM: memory slots and vCPUs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <husk/abi/guest_address.hpp>

#include "launcher/host/file_descriptor.hpp"
#include "launcher/kvm/system.hpp"
#include "launcher/kvm/vcpu.hpp"

namespace husk::kvm {

class Vm final {
public:
    // Throws host::Error. The interrupt chip is split: with it KVM makes vCPUs faster and tears them down faster.
    [[nodiscard]] static Vm create(const System& system);

    // Each call is one new slot; ram stays mapped as long as the VM lives.
    void add_memory(abi::GuestPhys begin, std::span<std::byte> ram);

    // The same for bytes that the guest may only read; a write is an exit.
    void add_read_only_memory(abi::GuestPhys begin, std::span<std::byte> bytes);

    // From now on a write of 32 bits at `at` signals event_fd, and is no exit. Slots are better added before: later
    // ones wait for a grace period of the host's kernel. false: this KVM cannot.
    bool try_signal_on_write(abi::GuestPhys at, std::uint32_t value, int event_fd) const;

    // From now on an instruction that KVM cannot emulate is an exit, also in ring 3, where it would be a #UD otherwise.
    // false: this KVM cannot.
    bool try_exit_on_emulation_failure() const;

    [[nodiscard]] Vcpu create_vcpu(std::uint32_t index, std::size_t run_bytes) const;

private:
    void add_slot(abi::GuestPhys begin, std::span<std::byte> bytes, std::uint32_t flags);

    explicit Vm(host::FileDescriptor fd) : fd_(std::move(fd)) {}
    host::FileDescriptor fd_;
    std::uint32_t slots_ = 0;
};

}  // namespace husk::kvm
