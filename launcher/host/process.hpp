// SPDX-License-Identifier: Apache-2.0
// The end of the launcher process.
#pragma once

namespace husk::host {

// Ends the process at once, without destructors: the kernel takes down the VM anyway. What takes long in that, freeing
// guest memory and KVM's tables, is left to a helper process that shares memory and files and ends when this one has
// ended, so that the parent learns the exit code first. Call it only from main, with all output written.
[[noreturn]] void leave_process(int exit_code);

}  // namespace husk::host
