// SPDX-License-Identifier: Apache-2.0
// Runs an image under the installed QEMU where KVM is not to be had.
#pragma once

#include "launcher/config/launch_config.hpp"

namespace husk::qemu {

// As run::Outcome: how the application ended.
struct Ending {
    int exit_status = 0;
    int signal = 0;  // 0: it exited
};

// Throws host::Error: no_qemu, guest_fault, runtime_panic, timeout, host_failure.
[[nodiscard]] Ending run_under_qemu(const config::LaunchConfig& config);

}  // namespace husk::qemu
