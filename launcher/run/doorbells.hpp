// SPDX-License-Identifier: Apache-2.0
// The calls that a guest makes to its launcher, each served exactly as the contract says.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include <husk/abi/doorbell.hpp>

#include "launcher/memory/guest_memory.hpp"
#include "launcher/run/console.hpp"
#include "launcher/run/run.hpp"
#include "launcher/run/vcpu_control.hpp"

namespace husk::run {

// What a doorbell asks of the rest of the machine.
class DoorbellHost {
public:
    virtual ~DoorbellHost() = default;

    // Raises attention::console once `stream` has one of poll_events.
    virtual void watch_console(unsigned stream, short poll_events) = 0;

    // Raises attention::stop once `fd` is readable, at the first time after each call and while the guest runs.
    virtual void watch_debugger(int fd) = 0;

    // null: there is no such vCPU.
    virtual VcpuControl* try_vcpu(std::uint64_t index) = 0;
};

class Doorbells final {
public:
    Doorbells(const memory::GuestMemory& memory, abi::GuestPhys page_table_root, const RunHooks& hooks,
              DoorbellHost& host)
        : memory_(memory), page_table_root_(page_table_root), hooks_(hooks), host_(host) {}

    // Serves the doorbell of `port` for the vCPU that rang it. false: the VM ends, as end() says.
    [[nodiscard]] bool serve(std::uint16_t port, abi::VcpuMailbox& mailbox, VcpuControl& control, Stats& stats);

    // Bytes to the serial port: console output of code that has no mailbox yet.
    void write_serial(std::span<const std::byte> bytes);

    struct End {
        int exit_status = 0;
        int signal = 0;
        std::optional<std::string> fault;  // the guest rang a doorbell that there is not
    };
    [[nodiscard]] const End& end() const { return end_; }
    [[nodiscard]] std::optional<abi::CrashKind> crash() const { return crash_; }

    // Whether the debugger's hook is at work. Any thread.
    [[nodiscard]] bool is_stopped() const { return is_stopped_.load(); }

private:
    struct Arguments {
        std::uint64_t word[4];
    };

    [[nodiscard]] std::int64_t console_write(const Arguments& arguments);
    [[nodiscard]] std::int64_t console_read(const Arguments& arguments);
    [[nodiscard]] std::int64_t console_poll(const Arguments& arguments);
    void exit(const Arguments& arguments);
    [[nodiscard]] std::int64_t wake(const Arguments& arguments);
    [[nodiscard]] std::int64_t interrupt(const Arguments& arguments);
    [[nodiscard]] std::int64_t log(const Arguments& arguments);
    [[nodiscard]] std::int64_t crash(const Arguments& arguments, const VcpuControl& control);
    [[nodiscard]] std::int64_t stop(const Arguments& arguments, const VcpuControl& control);

    const memory::GuestMemory& memory_;
    const abi::GuestPhys page_table_root_;
    const RunHooks& hooks_;
    DoorbellHost& host_;
    Console console_;
    End end_;
    std::optional<abi::CrashKind> crash_;
    std::atomic<bool> is_stopped_ = false;
};

}  // namespace husk::run
