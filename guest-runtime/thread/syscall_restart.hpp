// SPDX-License-Identifier: Apache-2.0
// What signal delivery asks of the system calls.
#pragma once

#include "guest-runtime/arch/context.hpp"

namespace husk::thread {

// Serves the call that `context` still holds (orig_rax and arguments) once more, result in context.rax.
void run_syscall_again(arch::Context& context);

}  // namespace husk::thread
