// SPDX-License-Identifier: Apache-2.0
// Threads of the runtime's own, for work that no system call waits for: write-back, periodic commits.
#pragma once

#include "guest-runtime/base/result.hpp"

namespace husk::thread {

// Runs body(argument) in a new thread, which ends when it returns. It is in no list of the application's threads, gets
// no signals, never leaves the runtime, and is not pre-empted: it should sleep, or yield(), often. ENOMEM.
Result<> start_runtime_thread(void (*body)(void* argument), void* argument);

}  // namespace husk::thread
