// SPDX-License-Identifier: Apache-2.0
// The two threads that no clone() makes: a vCPU's idle thread and the application's main thread.
#pragma once

#include <cstdint>

namespace husk::thread {

// The calling boot code becomes this vCPU's idle thread, on the boot stack.
void become_idle_thread();

// Makes the main thread and queues it: it begins at `rip` with stack pointer `rsp` and zero in all other registers.
void start_first_thread(std::uint64_t rip, std::uint64_t rsp);

}  // namespace husk::thread
