// SPDX-License-Identifier: Apache-2.0
// The end of the application, and the record of why.
#pragma once

#include <string_view>

#include "guest-runtime/arch/context.hpp"
#include "guest-runtime/thread/signal.hpp"

namespace husk::thread {

// What has to be done before the VM ends, in the dying thread, which may sleep; the application's other threads no
// longer run meanwhile. Not before a panic. Hooks run in the order in which they were added, each once.
void add_exit_hook(void (*hook)());

// The whole VM ends with this status, 0..255.
[[noreturn]] void exit_process(int status);
// The VM ends as a process does that a signal killed. `context` is the calling thread's; with_record: tell the launcher
// where every thread was.
[[noreturn]] void die_of_signal(const SignalInfo& info, const arch::Context& context, bool with_record);

}  // namespace husk::thread
