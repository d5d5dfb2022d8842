// SPDX-License-Identifier: Apache-2.0
// The CPU's own state as our launcher would set it: control registers, descriptor tables, system-call entry.
#pragma once

#include <cstdint>
#include <span>

#include <husk/abi/boot_info.hpp>

#include "guest-runtime/boot/pvh_memory.hpp"

namespace husk::boot::pvh {

bool has_giant_pages();

// Ends the boot with a sentence when the CPU lacks what the runtime needs; else turns it on. Before anything else.
void enable_features();
// State components that are on, and the size of their XSAVE image.
std::uint64_t enabled_components();
std::uint32_t xsave_size_bytes();

// Writes GDT, IDT and TSS to plan.descriptors. `ports` become open to ring 3.
void write_descriptors(const MemoryPlan& plan, std::span<const std::uint16_t> ports);
// Switches to the page tables at `root` and to the descriptors; sets the MSRs of ring 3's bases and system calls.
void load_state(const MemoryPlan& plan, std::uint64_t root);

}  // namespace husk::boot::pvh
