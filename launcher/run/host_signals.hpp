// SPDX-License-Identifier: Apache-2.0
// Signals to the launcher become signals to the application; a second request to end ends the VM.
#pragma once

#include "launcher/run/virtual_cpus.hpp"

namespace husk::run {

// From now on SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 and SIGWINCH go to one of `cpus`, which live until
// stop_forwarding_host_signals(). This is the boot vCPU's thread, the only one that takes them. SIGPIPE is ignored.
void forward_host_signals(VirtualCpus& cpus);

// The signal that asked a second time, or 0.
[[nodiscard]] int second_end_signal();

// No more signals for vCPUs that have stopped.
void stop_forwarding_host_signals();

}  // namespace husk::run
