// SPDX-License-Identifier: Apache-2.0
// The address space of the first instruction, as husk/abi/memory_layout.hpp describes it.
#pragma once

#include "guest-runtime/boot/pvh_kernel_line.hpp"
#include "guest-runtime/boot/pvh_memory.hpp"
#include "guest-runtime/boot/pvh_page_tables.hpp"

namespace husk::boot::pvh {

// The pages of the image's segments, from its program headers.
abi::PhysRange image_range();

// Also maps the interrupt controllers' registers, which no launcher of ours has, and those of the line's devices.
void map_address_space(PageTables& tables, const MemoryPlan& plan, const KernelLine& line);

}  // namespace husk::boot::pvh
