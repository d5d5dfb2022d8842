// SPDX-License-Identifier: Apache-2.0
// The part of a vCPU's state that a launcher decides; everything else is the contract's or zero.
#pragma once

#include <cstdint>

#include <husk/abi/guest_address.hpp>

namespace husk::kvm {

struct TableRegister {
    std::uint64_t base;
    std::uint16_t limit;
};

struct CpuState {
    abi::GuestPhys page_table_root;
    TableRegister gdt;
    TableRegister idt;
    TableRegister task_state;
    std::uint64_t rip;
    std::uint64_t rsp;
    std::uint64_t rdi;
    std::uint64_t gs_base;
    std::uint64_t syscall_target;  // LSTAR
    std::uint64_t xcr0;
};

}  // namespace husk::kvm
