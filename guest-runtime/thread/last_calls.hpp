// SPDX-License-Identifier: Apache-2.0
// The threads of an application that ends leave their calls, and do not go back to it.
#pragma once

namespace husk::thread {

// Once it is true, a thread that is about to leave the runtime stays in it.
[[nodiscard]] bool is_exiting();
[[noreturn]] void stay_in_runtime();

// For the thread that ends the application: returns when all others stay in the runtime, so that what they were at is
// done. What a signal would interrupt ends early; the rest is waited for, as on Linux, but not for ever. A second
// thread that comes here stays.
void end_calls();

}  // namespace husk::thread
