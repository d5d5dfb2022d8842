// SPDX-License-Identifier: Apache-2.0
// The launcher process: its threads' stacks, and its end.
#pragma once

namespace husk::host {

// Threads that start from now on have stacks of this size. With the 8 MiB that are usual the kernel backs one by a huge
// page, 2 MiB of each VM for a few KiB that are used. The most that one needs is some 350 KiB, in the demangler.
inline constexpr unsigned thread_stack_bytes = 1 << 20;
void use_small_stacks();

// Ends the process at once, without destructors: the kernel takes down the VM anyway. What takes long in that, freeing
// guest memory and KVM's tables, is left to a helper process that shares memory and files and ends when this one has
// ended, so that the parent learns the exit code first. Call it only from main, with all output written.
[[noreturn]] void leave_process(int exit_code);

}  // namespace husk::host
