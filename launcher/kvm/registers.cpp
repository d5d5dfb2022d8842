// SPDX-License-Identifier: Apache-2.0
#include "launcher/kvm/registers.hpp"

#include <husk/abi/machine.hpp>

namespace husk::kvm {

namespace {

constexpr std::uint64_t apic_base = 0xfee0'0000;
constexpr std::uint64_t apic_enabled = 1u << 11;
constexpr std::uint64_t apic_boot_cpu = 1u << 8;

constexpr std::uint8_t type_code = 11;  // execute, read, accessed
constexpr std::uint8_t type_data = 3;   // read, write, accessed
constexpr std::uint8_t type_busy_task_state = 11;
constexpr std::uint8_t type_ldt = 2;

kvm_segment user_segment(std::uint16_t selector, std::uint8_t type) {
    kvm_segment segment{};
    segment.limit = 0xffff'ffff;
    segment.selector = selector;
    segment.type = type;
    segment.present = 1;
    segment.dpl = 3;
    segment.s = 1;
    segment.g = 1;
    (type == type_code ? segment.l : segment.db) = 1;
    return segment;
}

}  // namespace

kvm_regs general_registers(const CpuState& state) {
    kvm_regs registers{};
    registers.rip = state.rip;
    registers.rsp = state.rsp;
    registers.rdi = state.rdi;
    registers.rflags = abi::user_rflags;
    return registers;
}

kvm_sregs special_registers(const CpuState& state, bool boot_cpu) {
    kvm_sregs registers{};
    registers.cr0 = abi::cr0;
    registers.cr3 = state.page_table_root.value;
    registers.cr4 = abi::cr4;
    registers.efer = abi::efer;
    registers.apic_base = apic_base | apic_enabled | (boot_cpu ? apic_boot_cpu : 0);

    registers.cs = user_segment(abi::selector::user_code, type_code);
    registers.ss = user_segment(abi::selector::user_data, type_data);
    registers.ds = registers.es = registers.fs = registers.gs = registers.ss;
    registers.gs.base = state.gs_base;

    registers.gdt.base = state.gdt.base;
    registers.gdt.limit = state.gdt.limit;
    registers.idt.base = state.idt.base;
    registers.idt.limit = state.idt.limit;
    registers.tr.base = state.task_state.base;
    registers.tr.limit = state.task_state.limit;
    registers.tr.selector = abi::selector::task_state;
    registers.tr.type = type_busy_task_state;
    registers.tr.present = 1;
    registers.ldt.type = type_ldt;
    registers.ldt.unusable = 1;
    return registers;
}

}  // namespace husk::kvm
