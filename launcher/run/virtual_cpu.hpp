// SPDX-License-Identifier: Apache-2.0
// One virtual CPU of a VM, with the thread that runs it.
//
// Who touches what: `mailbox`, `control`, `counts` and `is_started` are there from the beginning and for any thread.
// `vcpu`, `ticker` and `knows_all_memory` belong to the vCPU's own thread; the boot vCPU's is the one that assembled
// the VM. `thread` is VirtualCpus' own.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>

#include <husk/abi/doorbell.hpp>

#include "launcher/kvm/vcpu.hpp"
#include "launcher/run/stats.hpp"
#include "launcher/run/ticker.hpp"
#include "launcher/run/vcpu_control.hpp"

namespace husk::run {

struct VirtualCpu {
    // shared outlives this object.
    VirtualCpu(std::uint32_t number, abi::VcpuMailbox& shared) : index(number), mailbox(shared) {}

    const std::uint32_t index;
    abi::VcpuMailbox& mailbox;
    VcpuControl control{mailbox};
    ExitCounts counts;
    std::atomic<bool> is_started = false;  // its thread runs, or is about to

    std::optional<kvm::Vcpu> vcpu;
    std::optional<Ticker> ticker;
    bool knows_all_memory = false;  // MemorySlots has let it try again after the last growth

    std::thread thread;  // of a secondary one
};

}  // namespace husk::run
