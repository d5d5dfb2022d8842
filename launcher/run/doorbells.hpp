// SPDX-License-Identifier: Apache-2.0
// The calls that a guest makes to its launcher, each served exactly as the contract says.
//
// The threads of several vCPUs may ring at the same time. Two mutexes keep them apart: one for the console, which never
// blocks, and one for crash and stop, of which one is looked at at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include <husk/abi/doorbell.hpp>

#include "launcher/memory/guest_memory.hpp"
#include "launcher/run/console.hpp"
#include "launcher/run/end.hpp"
#include "launcher/run/run.hpp"
#include "launcher/run/trace_ring.hpp"
#include "launcher/run/virtual_cpu.hpp"

namespace husk::run {

// What a doorbell asks of the rest of the machine. On the thread of the vCPU that rang.
class DoorbellHost {
public:
    virtual ~DoorbellHost() = default;

    // Raises attention::console once `stream` has one of poll_events.
    virtual void watch_console(unsigned stream, short poll_events) = 0;

    // Raises attention::stop once `fd` is readable, at the first time after each call and while the guest runs.
    virtual void watch_debugger(int fd) = 0;

    // false: there is no such vCPU, or, for the second, it was never started. The first throws host::Error when the
    // host cannot start it.
    virtual bool wake_vcpu(std::uint64_t index) = 0;
    virtual bool interrupt_vcpu(std::uint64_t index) = 0;

    // Calls Doorbells::drain_trace() every now and then.
    virtual void watch_trace() = 0;

    // In between, no vCPU but this one is in the guest.
    virtual void hold_others(const VirtualCpu& cpu) = 0;
    virtual void release_others(const VirtualCpu& cpu) = 0;
};

class Doorbells final {
public:
    Doorbells(const memory::GuestMemory& memory, abi::GuestPhys page_table_root, const RunHooks& hooks,
              DoorbellHost& host)
        : memory_(memory),
          page_table_root_(page_table_root),
          hooks_(hooks),
          host_(host),
          trace_(memory, hooks.on_trace) {}

    // Serves the doorbell of `port` on the thread of the vCPU that rang it. A value: the VM ends.
    [[nodiscard]] std::optional<End> serve(std::uint16_t port, VirtualCpu& cpu);

    // Bytes to the serial port: console output of code that has no mailbox yet.
    void write_serial(std::span<const std::byte> bytes);

    // Once all vCPUs have stopped.
    [[nodiscard]] std::optional<abi::CrashKind> crash() const { return crash_; }

    // Passes on what the guest has written about its system calls. Any thread.
    void drain_trace() { trace_.drain(); }

    // Whether the debugger's hook is at work. Any thread.
    [[nodiscard]] bool is_stopped() const { return is_stopped_.load(); }

private:
    struct Arguments {
        std::uint64_t word[4];
    };

    [[nodiscard]] std::int64_t console_write(const Arguments& arguments);
    [[nodiscard]] std::int64_t console_read(const Arguments& arguments);
    [[nodiscard]] std::int64_t console_poll(const Arguments& arguments);
    [[nodiscard]] std::int64_t log(const Arguments& arguments) const;
    [[nodiscard]] std::int64_t give_back(const Arguments& arguments) const;
    [[nodiscard]] std::int64_t crash(const Arguments& arguments, const VirtualCpu& cpu);
    [[nodiscard]] std::int64_t stop(const Arguments& arguments, VirtualCpu& cpu);
    [[nodiscard]] std::int64_t trace(const Arguments& arguments);

    const memory::GuestMemory& memory_;
    const abi::GuestPhys page_table_root_;
    const RunHooks& hooks_;
    DoorbellHost& host_;
    TraceRingReader trace_;
    std::atomic<bool> is_traced_ = false;
    std::mutex console_mutex_;
    Console console_;                         // under console_mutex_
    std::mutex death_mutex_;                  // held while a crash or a stop is looked at
    std::optional<abi::CrashKind> crash_;     // under death_mutex_
    std::optional<std::uint32_t> dying_cpu_;  // likewise: who rang
    std::atomic<bool> is_stopped_ = false;
};

}  // namespace husk::run
