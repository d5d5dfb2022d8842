// SPDX-License-Identifier: Apache-2.0
// One vCPU's page of GDT, IDT and TSS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/machine.hpp>

namespace husk::boot {

struct DescriptorPage {
    std::uint64_t gdt[abi::descriptor::gdt_entries];
    abi::IdtGate idt[abi::exception_vectors];
    abi::TaskState task_state;
};
static_assert(offsetof(DescriptorPage, idt) == 80 && offsetof(DescriptorPage, task_state) == 592);
static_assert(sizeof(DescriptorPage) <= abi::page_size);

// Addressed as `base`, where the page will be mapped. ring0_stack: what an exception in ring 3 switches to. trap_stubs:
// of ImageNote.
[[nodiscard]] DescriptorPage make_descriptors(abi::GuestVirt base, abi::GuestVirt ring0_stack,
                                              std::uint64_t trap_stubs);

}  // namespace husk::boot
