// SPDX-License-Identifier: Apache-2.0
// Where things lie in the guest's virtual and physical address space at the first instruction.
#pragma once

#include <cstdint>

#include <husk/abi/guest_address.hpp>

namespace husk::abi {

// All guest-physical memory, readable and writable from ring 3, never executable. Tables and boot info are read-only in
// it.
inline constexpr std::uint64_t physmap_base = 0x1000'0000'0000;
// The same memory for ring 0 only: page tables are written and descriptor tables are read through it.
inline constexpr std::uint64_t supervisor_map_base = 0x2000'0000'0000;

// Guest RAM is [0, mmio_hole_begin) and, when larger, goes on at mmio_hole_end: the local APIC and registers lie
// between.
inline constexpr std::uint64_t mmio_hole_begin = 3ull << 30;
inline constexpr std::uint64_t mmio_hole_end = 4ull << 30;

constexpr GuestVirt physmap(GuestPhys gpa) { return {physmap_base + gpa.value}; }
constexpr GuestVirt supervisor_map(GuestPhys gpa) { return {supervisor_map_base + gpa.value}; }

// What the launcher maps so that a small program reaches main() without changing its page tables. All of it is zero,
// and readable and writable in ring 3; its frames are in no free range, but for those behind the image.
//   - up to break_ready_bytes behind the image, address equal to gpa, from the start of BootInfo::free_ranges[0]
//   - the first kernel stack, above a guard page at kernel_stack_region
//   - the top of the main stack, below BootInfo::main_stack_end
inline constexpr std::uint64_t break_ready_bytes = 256 << 10;
inline constexpr std::uint64_t kernel_stack_region = 0x3000'0000'0000;
inline constexpr std::uint64_t kernel_stack_bytes = 16 << 10;
inline constexpr std::uint64_t main_stack_ready_bytes = 32 << 10;
// main_stack_end lies at most this far below main_stack_highest_end, at random.
inline constexpr std::uint64_t main_stack_highest_end = 0x7fff'0000'0000;
inline constexpr std::uint64_t main_stack_random_bytes = 1ull << 40;

// One vCPU's memory. The launcher writes the mailbox at offset 0; GS base points at it from the first instruction on.
//   page 0     VcpuMailbox, then bytes of the guest's own
//   page 1     unmapped guard
//   page 2     ring-0 stack (TSS.RSP0 is its end)
//   page 3     unmapped guard
//   page 4-7   ring-3 boot stack (the first rsp is its end)
namespace vcpu_area {
inline constexpr std::uint64_t stride_bytes = 8 * page_size;
inline constexpr std::uint64_t guest_private_offset =
    1024;  // bytes of page 0 from here on are the guest's own, but for thread_label.hpp
inline constexpr std::uint64_t ring0_stack_begin = 2 * page_size;
inline constexpr std::uint64_t ring0_stack_end = 3 * page_size;
inline constexpr std::uint64_t boot_stack_begin = 4 * page_size;
inline constexpr std::uint64_t boot_stack_end = 8 * page_size;
}  // namespace vcpu_area

}  // namespace husk::abi
