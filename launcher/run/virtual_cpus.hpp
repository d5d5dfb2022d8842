// SPDX-License-Identifier: Apache-2.0
// All virtual CPUs of a VM: which of them takes what comes from outside, and how the secondary ones begin and end.
//
// A secondary vCPU has no thread and nothing in KVM before the guest wakes it for the first time: a VM that does not
// use its vCPUs does not pay for them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "launcher/run/virtual_cpu.hpp"

namespace husk::run {

class VirtualCpus final {
public:
    // What the thread of a secondary vCPU does, from its first moment to its end.
    using Body = std::function<void(VirtualCpu&)>;

    // --- before the VM runs

    // The first one is the boot vCPU, which is started.
    void add(abi::VcpuMailbox& mailbox);
    void set_body(Body body) { body_ = std::move(body); }

    // --- any thread, once all are added

    [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(cpus_.size()); }
    [[nodiscard]] VirtualCpu& boot() { return cpus_.front(); }
    [[nodiscard]] auto begin() const { return cpus_.begin(); }
    [[nodiscard]] auto end() const { return cpus_.end(); }

    // The doorbells' `wake` and `interrupt`. false: there is no such vCPU, or, for interrupt, it was never started.
    // wake throws host::Error when the host has no thread for a vCPU.
    [[nodiscard]] bool wake(std::uint64_t index);
    [[nodiscard]] bool interrupt(std::uint64_t index);

    void stop_all();
    void pause_all();
    void resume_all();

    // All but `self` are out of the guest when it returns, and stay there until they are released. Called by self's
    // thread; with others that do the same meanwhile it ends all the same.
    void hold_others(const VirtualCpu& self);
    void release_others(const VirtualCpu& self);

    // VcpuMailbox::spin_us of each.
    [[nodiscard]] std::vector<std::uint32_t*> spin_words() const;

    // The exits and pre-emptions of all.
    [[nodiscard]] ExitCounts counts() const;

    // --- any thread and signal handlers: one vCPU takes it, a waiting one if there is any

    void raise(std::uint32_t attention_bits) { choose().raise(attention_bits); }
    void raise_signal(int number) { choose().raise_signal(number); }

    // The same, but when none waits every one finds it on its way out of the runtime, and the first of them takes it.
    // A waiting one is sought from `home` on.
    void raise_lazily(std::uint32_t attention_bits, std::uint32_t home);

    // --- the boot vCPU's thread

    // When it returns, no other vCPU runs and none will be started.
    void end_others();

private:
    [[nodiscard]] VcpuControl& choose();
    [[nodiscard]] VirtualCpu* try_find_waiting(std::uint32_t first);
    // false: another thread was faster, or the VM ends.
    [[nodiscard]] bool try_start(VirtualCpu& cpu);

    std::deque<VirtualCpu> cpus_;  // does not change once the VM runs
    Body body_;
    std::mutex start_mutex_;  // the threads of vCPUs, and:
    bool may_start_ = true;
};

}  // namespace husk::run
