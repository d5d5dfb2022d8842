// SPDX-License-Identifier: Apache-2.0
// One run of an image as a VM, from its configuration to its exit code.
//
//   run::Outcome outcome = run::run_vm(config, image, hooks);
//   if (outcome.failure) ...print outcome.failure->sentence...
//   host::leave_process(run::exit_code(outcome));
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <husk/abi/crash_record.hpp>
#include <husk/abi/guest_address.hpp>
#include <husk/abi/stop_record.hpp>

#include "launcher/config/launch_config.hpp"
#include "launcher/image/image.hpp"
#include "launcher/memory/guest_memory.hpp"
#include "launcher/run/end.hpp"
#include "launcher/run/stats.hpp"

namespace husk::run {

// A dying guest's record, with what is needed to read on from it. The vCPUs are stopped meanwhile. Every address in it
// is still the guest's word: read through `memory` only. The arrays of threads and mappings lie in RAM (checked).
struct CrashView {
    abi::CrashRecord record;
    const memory::GuestMemory& memory;
    abi::GuestPhys page_table_root;
    std::function<bool()> is_ending;  // the VM shall end, whatever waits
};

// A guest under a debugger that stands still until the hook returns. The array of threads lies in RAM (checked).
struct StopView {
    abi::StopRecord record;
    const memory::GuestMemory& memory;
    abi::GuestPhys page_table_root;
    std::function<bool()> is_ending;
};

// A vCPU that was interrupted in order to see what it does. It stands still until the hook returns, others may not.
struct SampleView {
    const abi::CrashRegisters& registers;  // the ring in the low bits of cs
    abi::GuestPhys vcpu_area;
    const memory::GuestMemory& memory;
    abi::GuestPhys page_table_root;
};

// A little aside from round numbers, so that it does not run in step with the guest's own timers.
inline constexpr std::uint64_t sample_period_ns = 1'000'000'000 / 999;

struct StopAnswer {
    bool goes_on;       // false: the VM ends
    bool takes_signal;  // a fault becomes its signal
    int watch_fd;       // the guest is to stop when this becomes readable
    bool stops_again;   // it is to stop already
};

// A hook that is not set is left out. The first two are called by the thread of some vCPU, one at a time; the others by
// any thread.
struct RunHooks {
    std::function<void(const CrashView&)> on_crash;
    std::function<StopAnswer(const StopView&)> on_stop;        // set: there is a debugger
    std::function<void(std::span<const std::byte>)> on_trace;  // the next bytes of the guest's trace records
    std::function<void()> on_trace_period;                     // that a while is over; set with the one above
    std::function<void(const SampleView&)> on_sample;  // set: by each vCPU's thread every sample_period_ns of its work
    std::function<void(std::string_view)> on_log;      // a line of the runtime about itself
    std::function<void(std::string_view)> on_note;     // a line of the launcher about its choices, under --verbose
    std::function<void(std::string_view)> on_warning;  // what the user should know
};

class Machine;

struct Outcome {
    End end;
    std::optional<abi::CrashKind> crash;  // the guest left a crash record
    Stats stats;
    std::unique_ptr<Machine> machine;  // what is left of the VM: taking it down can wait

    Outcome();
    Outcome(Outcome&&) noexcept;
    Outcome& operator=(Outcome&&) noexcept;
    ~Outcome();
};

// Throws host::Error for what goes wrong before the first instruction; afterwards everything is in the Outcome.
[[nodiscard]] Outcome run_vm(const config::LaunchConfig& config, const image::Image& image, const RunHooks& hooks);

// What the launcher exits with.
[[nodiscard]] int exit_code(const Outcome& outcome);

}  // namespace husk::run
