// SPDX-License-Identifier: Apache-2.0
// From a pending signal to a running handler or the end of the application.
#pragma once

#include "guest-runtime/arch/context.hpp"
#include "guest-runtime/thread/signal.hpp"

namespace husk::thread {

// For a fault of the calling thread's own: cannot be blocked or ignored, the default action takes its place then.
void force_signal(const SignalInfo& info);

// Delivers what is pending for the calling thread, on its way out of the runtime: sets up handlers in `context`,
// restarts or fails an interrupted system call, ends the application where the default action says so.
void deliver_signals(arch::Context& context);

}  // namespace husk::thread
