// SPDX-License-Identifier: Apache-2.0
// What a vCPU and the threads of devices know about each other, to watch for a moment instead of sleeping.
//
// A wake-up costs 20 us and more, and so does an exit: half a read of a fast disk. But who spins on the CPU that the
// other one needs keeps it from coming, so a device's thread looks first whether the vCPU was last seen elsewhere.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>

namespace husk::event {

class SpinFacts final {
public:
    // guest_word: VcpuMailbox::spin_us. It outlives the device threads, and is null while there is no vCPU.
    void connect(std::uint32_t& guest_word) { guest_word_ = &guest_word; }

    // The vCPU's thread, before it enters the guest.
    void note_vcpu_cpu() { vcpu_cpu_.store(::sched_getcpu(), std::memory_order_relaxed); }

    // A device's thread: whether the vCPU is elsewhere, as far as one knows.
    [[nodiscard]] bool may_spin() const {
        const int vcpu_cpu = vcpu_cpu_.load(std::memory_order_relaxed);
        return vcpu_cpu >= 0 && vcpu_cpu != ::sched_getcpu();
    }

    // A device's thread begins (+1) or ceases (-1) to be so near that the guest had better watch for its news.
    void add_near(int change) {
        const int near = near_.fetch_add(change) + change;
        if (guest_word_ != nullptr)
            std::atomic_ref(*guest_word_).store(near > 0 ? guest_spin_us : 0, std::memory_order_relaxed);
    }

private:
    static constexpr std::uint32_t guest_spin_us = 100;

    std::atomic<int> vcpu_cpu_ = -1;  // -1: not yet seen
    std::atomic<int> near_ = 0;
    std::uint32_t* guest_word_ = nullptr;
};

}  // namespace husk::event
