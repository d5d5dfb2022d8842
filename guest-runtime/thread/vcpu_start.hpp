// SPDX-License-Identifier: Apache-2.0
// Starts the other vCPUs, each when there is something for it to do: a program with one thread has one vCPU.
#pragma once

#include <cstdint>

namespace husk::thread {

// A thread waits that may only run there.
void start_vcpu(std::uint32_t vcpu);
// A thread waits that any vCPU in `allowed` could run: starts one more, if there is one and none is on its way.
void start_one_of(std::uint64_t allowed);

// The first code of a vCPU other than 0. Becomes its idle thread.
[[noreturn]] void run_secondary_vcpu(bool has_one_tsc);

}  // namespace husk::thread
