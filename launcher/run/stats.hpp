// SPDX-License-Identifier: Apache-2.0
// What one run cost: the time of each step, exits by kind, memory.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "launcher/kvm/cpu_model.hpp"
#include "launcher/memory/guest_memory.hpp"

namespace husk::run {

struct Step {
    const char* name = nullptr;
    std::uint64_t duration_ns = 0;
};

// Kinds of exit that are counted.
enum class ExitKind : std::size_t {
    console_write,
    console_read,
    console_poll,
    exit,
    wait,
    wake,
    log,
    crash,
    give_back,
    stop,      // for the debugger
    trace,     // of system calls
    give_way,  // of a vCPU that waits for another one
    serial,
    device,       // a write to a device's register
    memory,       // the first use of memory that KVM had not been told of
    interrupted,  // by a signal to the vCPU's thread
    other,
};
inline constexpr std::size_t exit_kinds = static_cast<std::size_t>(ExitKind::other) + 1;
[[nodiscard]] const char* name_of(ExitKind kind);
inline constexpr auto all_exit_kinds = [] {
    std::array<ExitKind, exit_kinds> kinds{};
    for (std::size_t i = 0; i < exit_kinds; ++i) kinds[i] = static_cast<ExitKind>(i);
    return kinds;
}();

// Counted by one thread, read by any.
class Counter final {
public:
    Counter() = default;
    Counter(const Counter& other) : value_(other.value()) {}
    Counter& operator=(const Counter& other) {
        value_.store(other.value(), std::memory_order_relaxed);
        return *this;
    }

    // Without the cost of a locked instruction.
    void add(std::uint64_t number) { value_.store(value() + number, std::memory_order_relaxed); }
    void add_one() { add(1); }
    [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

// What one vCPU's thread counts; any thread reads.
class ExitCounts final {
public:
    Counter upcalls;  // pre-emptions of application code

    void count(ExitKind kind) { exits_[static_cast<std::size_t>(kind)].add_one(); }
    [[nodiscard]] std::uint64_t exits(ExitKind kind) const { return exits_[static_cast<std::size_t>(kind)].value(); }
    ExitCounts& operator+=(const ExitCounts& other);

private:
    std::array<Counter, exit_kinds> exits_;
};

struct DeviceStats {
    std::string name;
    std::uint64_t register_writes = 0;  // exits; notifications included
    std::uint64_t notifications = 0;    // that were exits
    std::uint64_t signals = 0;          // times that the guest was told of used buffers
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
};

struct Stats {
    kvm::Kind kvm_kind = kvm::Kind::hw;
    memory::Backing backing = memory::Backing::small;
    std::uint64_t memory_bytes = 0;
    std::uint64_t memory_resident_bytes = 0;  // at the end
    std::uint64_t tsc_hz = 0;
    std::uint64_t first_run_tsc = 0;  // the guest's TSC just before its first instruction
    std::uint32_t cpus = 1;
    ExitCounts counts;  // of all vCPUs, at the end
    std::vector<DeviceStats> devices;

    [[nodiscard]] std::span<const Step> steps() const { return {steps_.data(), step_count_}; }

    void add_step(const char* name, std::uint64_t duration_ns) {
        if (step_count_ < steps_.size()) steps_[step_count_++] = {name, duration_ns};
    }

private:
    std::array<Step, 16> steps_{};
    std::size_t step_count_ = 0;
};

}  // namespace husk::run
