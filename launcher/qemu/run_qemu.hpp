// SPDX-License-Identifier: Apache-2.0
// Runs an image under the installed QEMU where KVM is not to be had.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "launcher/config/launch_config.hpp"

namespace husk::qemu {

// As run::Outcome: how the application ended.
struct Ending {
    int exit_status = 0;
    int signal = 0;  // 0: it exited
};

// What is told while it runs, as run::RunHooks has it. One that is not set: nobody wants to know.
struct Hooks {
    std::function<void(std::string_view)> on_warning;  // a sentence
    // The guest's system calls.
    std::function<void(std::span<const std::byte>)> on_trace;
    std::function<void()> on_trace_period;
};

// Throws host::Error: no_qemu, guest_fault, runtime_panic, timeout, host_failure.
[[nodiscard]] Ending run_under_qemu(const config::LaunchConfig& config, const Hooks& hooks);

}  // namespace husk::qemu
