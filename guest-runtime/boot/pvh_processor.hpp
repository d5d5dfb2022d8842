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

// Writes a vCPU's GDT, IDT and TSS. `ports` become open to ring 3.
void write_descriptors(const MemoryPlan& plan, std::uint32_t vcpu, std::span<const std::uint16_t> ports);

// gpas of what is a vCPU's own, and of what it shares.
struct CpuState {
    std::uint64_t page_table_root, descriptors, area;
};
// Switches this vCPU to the page tables and descriptors; sets the MSRs of ring 3's bases and system calls.
void load_state(const CpuState& state);

}  // namespace husk::boot::pvh
