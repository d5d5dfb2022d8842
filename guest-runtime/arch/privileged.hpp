// SPDX-License-Identifier: Apache-2.0
// Instructions that only ring 0 may execute: the boot under a foreign VMM needs them once.
#pragma once

#include <cstdint>

namespace husk::arch {

namespace msr {
inline constexpr std::uint32_t apic_base = 0x1b;
inline constexpr std::uint32_t efer = 0xc000'0080;
inline constexpr std::uint32_t star = 0xc000'0081;
inline constexpr std::uint32_t lstar = 0xc000'0082;
inline constexpr std::uint32_t syscall_flag_mask = 0xc000'0084;  // SFMASK
inline constexpr std::uint32_t fs_base = 0xc000'0100;
inline constexpr std::uint32_t gs_base = 0xc000'0101;
}  // namespace msr

inline std::uint64_t read_msr(std::uint32_t number) {
    std::uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return low | std::uint64_t{high} << 32;
}
inline void write_msr(std::uint32_t number, std::uint64_t value) {
    asm volatile("wrmsr" ::"c"(number), "a"(static_cast<std::uint32_t>(value)),
                 "d"(static_cast<std::uint32_t>(value >> 32))
                 : "memory");
}

inline void write_cr0(std::uint64_t value) { asm volatile("mov %0, %%cr0" ::"r"(value) : "memory"); }
inline void write_cr3(std::uint64_t value) { asm volatile("mov %0, %%cr3" ::"r"(value) : "memory"); }
inline void write_cr4(std::uint64_t value) { asm volatile("mov %0, %%cr4" ::"r"(value) : "memory"); }
inline void write_xcr0(std::uint64_t value) {
    asm volatile("xsetbv" ::"c"(0), "a"(static_cast<std::uint32_t>(value)), "d"(static_cast<std::uint32_t>(value >> 32))
                 : "memory");
}

// Operand of lgdt and lidt.
struct [[gnu::packed]] TableRegister {
    std::uint16_t limit;
    std::uint64_t base;
};
inline void load_gdt(const TableRegister& table) { asm volatile("lgdt %0" ::"m"(table)); }
inline void load_idt(const TableRegister& table) { asm volatile("lidt %0" ::"m"(table)); }
inline void load_task_state(std::uint16_t selector) { asm volatile("ltr %0" ::"r"(selector)); }
// ds, es, fs and gs; the bases of fs and gs become 0.
inline void load_data_segments(std::uint16_t selector) {
    asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" ::"r"(std::uint32_t{selector}));
}

// A triple fault: nothing handles an exception without an IDT. A VMM told not to reboot ends with the machine.
[[noreturn]] inline void shut_down() {
    load_idt({0, 0});
    for (;;) asm volatile("ud2");
}

}  // namespace husk::arch
