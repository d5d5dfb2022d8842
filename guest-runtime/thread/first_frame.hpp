// SPDX-License-Identifier: Apache-2.0
// The kernel stack of a thread that has not run yet.
#pragma once

#include "guest-runtime/arch/context.hpp"

namespace husk::thread {

class Thread;

// Lays what the first switch to `thread` finds, so that it goes on with `context`.
void lay_first_frame(Thread& thread, const arch::Context& context);
// The same for a thread that calls body(argument) and ends.
void lay_first_runtime_frame(Thread& thread, void (*body)(void*), void* argument);

}  // namespace husk::thread
