// SPDX-License-Identifier: Apache-2.0
// What the vCPUs and the threads of devices know about each other, to watch for a moment instead of sleeping.
//
// A wake-up costs 20 us and more, and so does an exit: half a read of a fast disk. But who spins on the CPU that the
// other one needs keeps it from coming, so a device's thread looks first whether the vCPUs were last seen elsewhere.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "launcher/event/vcpu_rests.hpp"

namespace husk::event {

class SpinFacts final {
public:
    // Before the first device thread runs. guest_words: VcpuMailbox::spin_us of each vCPU, by index; they outlive the
    // device threads.
    void connect(const std::vector<std::uint32_t*>& guest_words) {
        vcpus_ = std::vector<Vcpu>(guest_words.size());
        for (std::size_t i = 0; i < guest_words.size(); ++i) vcpus_[i].guest_word = guest_words[i];
    }

    // A vCPU's thread, before it enters the guest.
    void note_running(std::uint32_t index) {
        note_awake(index);
        vcpus_[index].cpu.store(::sched_getcpu(), std::memory_order_relaxed);
        if (vcpus_.size() > 1) vcpus_[index].is_waiting.store(false, std::memory_order_relaxed);
    }

    // Before it sleeps. A single vCPU will go on where it was, with what a device's thread is about to finish; of
    // several, one that sleeps is in nobody's way.
    void note_waiting(std::uint32_t index) {
        if (vcpus_.size() > 1) vcpus_[index].is_waiting.store(true, std::memory_order_relaxed);
        if (vcpus_[index].is_awake.exchange(false)) rests_.add_resting();
    }

    // Any thread: one that sleeps is about to run. Async-signal-safe.
    void note_awake(std::uint32_t index) {
        if (!vcpus_[index].is_awake.exchange(true)) rests_.add_running();
    }

    [[nodiscard]] VcpuRests& rests() { return rests_; }

    // A device's thread: whether all vCPUs are elsewhere, as far as one knows.
    [[nodiscard]] bool may_spin() const {
        const int here = ::sched_getcpu();
        bool has_seen_any = false;
        for (const Vcpu& vcpu : vcpus_) {
            const int cpu = vcpu.cpu.load(std::memory_order_relaxed);
            if (cpu == here && !vcpu.is_waiting.load(std::memory_order_relaxed)) return false;
            has_seen_any = has_seen_any || cpu >= 0;
        }
        return has_seen_any;
    }

    // The best of `cpus` to spin on: those of no vCPU, else those of vCPUs that sleep. Empty: may_spin() is false on
    // all.
    [[nodiscard]] std::vector<unsigned> free_cpus(std::span<const unsigned> cpus) const {
        std::vector<unsigned> unused(cpus.begin(), cpus.end());
        std::vector<unsigned> free = unused;
        for (const Vcpu& vcpu : vcpus_) {
            const int cpu = vcpu.cpu.load(std::memory_order_relaxed);
            if (cpu < 0) continue;
            std::erase(unused, static_cast<unsigned>(cpu));
            if (!vcpu.is_waiting.load(std::memory_order_relaxed)) std::erase(free, static_cast<unsigned>(cpu));
        }
        return unused.empty() ? free : unused;
    }

    // A device's thread begins (+1) or ceases (-1) to be so near that the guest had better watch for its news.
    void add_near(int change) {
        const int near = near_.fetch_add(change) + change;
        for (const Vcpu& vcpu : vcpus_)
            std::atomic_ref(*vcpu.guest_word).store(near > 0 ? guest_spin_us : 0, std::memory_order_relaxed);
    }

private:
    static constexpr std::uint32_t guest_spin_us = 200;

    struct Vcpu {
        std::atomic<int> cpu = -1;  // -1: not yet seen
        std::atomic<bool> is_waiting = false;
        std::atomic<bool> is_awake = false;
        std::uint32_t* guest_word = nullptr;
    };

    std::vector<Vcpu> vcpus_;
    std::atomic<int> near_ = 0;
    VcpuRests rests_;
};

}  // namespace husk::event
