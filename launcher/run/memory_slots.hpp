// SPDX-License-Identifier: Apache-2.0
// Guest RAM as KVM knows it: all of it, or a part that grows when the guest reaches beyond.
//
// Without virtualisation hardware KVM keeps a reverse map of each slot, which it makes and tears down in time
// proportional to the slot: 300 us for 256 MiB, 5 ms for 32 GiB. So there the first slot holds what a small program
// touches. Several vCPUs may reach beyond at the same time: one of them adds the rest, and all of them try again.
#pragma once

#include <cstdint>
#include <mutex>

#include "launcher/kvm/cpu_model.hpp"
#include "launcher/kvm/exit.hpp"
#include "launcher/kvm/vm.hpp"
#include "launcher/memory/guest_memory.hpp"

namespace husk::run {

class MemorySlots final {
public:
    // Adds the first slot. used_end: the guest surely uses memory up to here.
    MemorySlots(kvm::Vm& vm, const memory::GuestMemory& memory, kvm::Kind kind, std::uint64_t used_end);

    // Each of these may be called from any vCPU's thread.

    // Serves an access to RAM that was not yet in a slot, and adds the rest. false: it is not RAM.
    [[nodiscard]] bool try_serve(const kvm::MmioAccess& access);

    // Adds the rest of RAM, when it is not there already.
    void grow();

    // The same for an instruction that KVM could not carry out on such memory. false: it is of no use to try it again,
    // because this vCPU had all RAM when it tried. knows_all: the vCPU's own memory of that.
    [[nodiscard]] bool try_grow(bool& knows_all);

private:
    kvm::Vm& vm_;
    const memory::GuestMemory& memory_;
    bool began_with_part_ = false;
    std::mutex mutex_;
    std::uint64_t first_bytes_ = 0;  // under mutex_: of the first region; 0: everything is in slots
};

}  // namespace husk::run
