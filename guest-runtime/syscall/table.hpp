// SPDX-License-Identifier: Apache-2.0
// Which function serves which system call number.
#pragma once

#include "guest-runtime/arch/context.hpp"

namespace husk::sys {

// Serves the call that `context` still holds (orig_rax and arguments) once more, result in context.rax.
void run_again(arch::Context& context);

}  // namespace husk::sys
