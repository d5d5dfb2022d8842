// SPDX-License-Identifier: Apache-2.0
// Builds the runtime's memory from what the launcher handed over.
#pragma once

#include <husk/abi/boot_info.hpp>

namespace husk::memory {

// Called once, before anything that allocates. Frames, heap, page tables and the address space work when it returns.
void initialise(const abi::BootInfo& boot);

}  // namespace husk::memory
