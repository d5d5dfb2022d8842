// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/virtual_cpus.hpp"

#include <chrono>
#include <string>
#include <thread>

#include "launcher/host/error.hpp"
#include "launcher/host/start_thread.hpp"

namespace husk::run {

void VirtualCpus::add(abi::VcpuMailbox& mailbox) {
    VirtualCpu& cpu = cpus_.emplace_back(count(), mailbox);
    cpu.is_started.store(cpu.index == 0);
}

bool VirtualCpus::wake(std::uint64_t index) {
    if (index >= count()) return false;
    VirtualCpu& cpu = cpus_[index];
    if (cpu.is_started.load() || !try_start(cpu)) cpu.control.wake();
    return true;
}

bool VirtualCpus::interrupt(std::uint64_t index) {
    if (index >= count() || !cpus_[index].is_started.load()) return false;
    cpus_[index].control.raise(abi::attention::peer);
    return true;
}

bool VirtualCpus::try_start(VirtualCpu& cpu) {
    const std::lock_guard lock(start_mutex_);
    if (cpu.is_started.load() || !may_start_) return false;
    // First: once it runs, any other may ring for it.
    cpu.is_started.store(true);
    try {
        cpu.thread = host::start_thread("virtual CPU " + std::to_string(cpu.index), [this, &cpu] { body_(cpu); });
    } catch (const host::Error&) {
        cpu.is_started.store(false);
        throw;
    }
    return true;
}

void VirtualCpus::end_others() {
    {
        const std::lock_guard lock(start_mutex_);
        may_start_ = false;
    }
    stop_all();
    for (VirtualCpu& cpu : cpus_) {
        if (cpu.thread.joinable()) cpu.thread.join();
    }
}

void VirtualCpus::stop_all() {
    for (VirtualCpu& cpu : cpus_) cpu.control.request_stop();
}

void VirtualCpus::pause_all() {
    for (VirtualCpu& cpu : cpus_) cpu.control.pause();
}

void VirtualCpus::resume_all() {
    for (VirtualCpu& cpu : cpus_) cpu.control.resume();
}

void VirtualCpus::hold_others(const VirtualCpu& self) {
    for (VirtualCpu& cpu : cpus_) {
        if (&cpu != &self) cpu.control.hold();
    }
    // It comes out within microseconds, or cannot be helped.
    constexpr auto look_again = std::chrono::microseconds(20);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
    for (const VirtualCpu& cpu : cpus_) {
        while (&cpu != &self && cpu.control.state() == VcpuState::guest && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(look_again);
    }
}

void VirtualCpus::release_others(const VirtualCpu& self) {
    for (VirtualCpu& cpu : cpus_) {
        if (&cpu != &self) cpu.control.release();
    }
}

std::vector<std::uint32_t*> VirtualCpus::spin_words() const {
    std::vector<std::uint32_t*> words;
    for (const VirtualCpu& cpu : cpus_) words.push_back(&cpu.mailbox.spin_us);
    return words;
}

ExitCounts VirtualCpus::counts() const {
    ExitCounts sum;
    for (const VirtualCpu& cpu : cpus_) sum += cpu.counts;
    return sum;
}

VirtualCpu* VirtualCpus::try_find_waiting(std::uint32_t first) {
    for (std::uint32_t i = 0; i < count(); ++i) {
        VirtualCpu& cpu = cpus_[(first + i) % count()];
        if (cpu.is_started.load() && cpu.control.state() == VcpuState::waiting) return &cpu;
    }
    return nullptr;
}

VcpuControl& VirtualCpus::choose() {
    if (VirtualCpu* const waiting = try_find_waiting(0); waiting != nullptr) return waiting->control;
    return boot().control;
}

void VirtualCpus::raise_lazily(std::uint32_t attention_bits, std::uint32_t home) {
    if (VirtualCpu* const waiting = try_find_waiting(home); waiting != nullptr)
        return waiting->control.raise_lazily(attention_bits);
    for (VirtualCpu& cpu : cpus_) {
        if (cpu.is_started.load()) cpu.control.raise_lazily(attention_bits);
    }
}

}  // namespace husk::run
