// SPDX-License-Identifier: Apache-2.0
// Signals to the launcher become signals to the application; a second request to end ends the VM.
#pragma once

#include "launcher/run/vcpu_control.hpp"

namespace husk::run {

// From now on SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 and SIGWINCH go to `control`, whose thread this is and
// which lives as long as the process takes signals. SIGPIPE is ignored.
void forward_host_signals(VcpuControl& control);

// The signal that asked a second time, or 0.
[[nodiscard]] int second_end_signal();

// No more signals for a control that is going away.
void stop_forwarding_host_signals();

}  // namespace husk::run
