// SPDX-License-Identifier: Apache-2.0
// CPU time that threads have used.
#pragma once

#include <cstdint>

namespace husk::thread {

class Thread;

std::uint64_t thread_cpu_ns(const Thread& thread);
std::uint64_t process_cpu_ns();
// Keeps an ended thread's share in the process's sum.
void account_ended_thread(const Thread& thread);

}  // namespace husk::thread
