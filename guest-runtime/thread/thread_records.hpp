// SPDX-License-Identifier: Apache-2.0
// Every thread's registers in the form that the launcher reads, for crashes and debuggers.
#pragma once

#include <cstdint>
#include <span>

#include <husk/abi/crash_record.hpp>

#include "guest-runtime/arch/context.hpp"

namespace husk::thread {

// Writes one record for each thread of the application, the running one first when there is one, and returns them. They
// stay until the next call. context: of the running thread; null when the vCPU is idle. Takes no lock: only one vCPU
// may run.
std::span<abi::CrashThread> record_threads(const arch::Context* context);

// Where the last ones lie.
std::uint64_t thread_records_gpa();

// Does what the launcher wrote into the last records: takes changed registers, and lets threads single-step or not.
void obey_thread_records(arch::Context* context);

}  // namespace husk::thread
