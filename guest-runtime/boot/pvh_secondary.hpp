// SPDX-License-Identifier: Apache-2.0
// From a CPU's first instruction, in real mode, to the first instruction in ring 3 of a vCPU other than 0.
#pragma once

#include <cstdint>

#include "guest-runtime/boot/pvh_memory.hpp"

namespace husk::boot::pvh {

// Keeps what the others will need, and lays their first code into plan.low_page. While the first 4 GiB are mapped where
// they are.
void note_secondaries(const MemoryPlan& plan, std::uint64_t page_table_root);

}  // namespace husk::boot::pvh
