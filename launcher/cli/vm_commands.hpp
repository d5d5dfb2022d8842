// SPDX-License-Identifier: Apache-2.0
// What husk ps, top, stats, stop, pause and resume do.
#pragma once

#include "launcher/cli/command.hpp"

namespace husk::cli {

// Writes to stdout. Throws host::Error: no_such_vm, host_failure.
void carry_out_vm_command(const VmCommand& command);

}  // namespace husk::cli
