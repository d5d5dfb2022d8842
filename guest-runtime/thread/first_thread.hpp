// SPDX-License-Identifier: Apache-2.0
// The two threads that no clone() makes: a vCPU's idle thread and the application's main thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace husk::thread {

// The calling boot code becomes this vCPU's idle thread, on the boot stack.
void become_idle_thread();

// Makes the main thread, named after the image, and queues it: it begins at `rip` with stack pointer `rsp` and zero in
// all other registers.
void start_first_thread(std::string_view image_path, std::uint64_t rip, std::uint64_t rsp);

}  // namespace husk::thread
