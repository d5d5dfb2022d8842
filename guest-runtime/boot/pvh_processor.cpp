// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_processor.hpp"

#include <array>

#include <husk/abi/machine.hpp>
#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/arch/interrupts.hpp"
#include "guest-runtime/arch/privileged.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/boot/pvh_failure.hpp"

extern "C" const char husk_trap_stubs[], husk_syscall_trap[];

namespace husk::boot::pvh {

namespace {

constexpr std::size_t idt_vectors = abi::exception_vectors + arch::interrupt_vectors;
constexpr std::uint32_t extended_features = 0x8000'0001;

struct DescriptorPage {
    std::array<std::uint64_t, abi::descriptor::gdt_entries> gdt;
    std::array<abi::IdtGate, idt_vectors> idt;
    abi::TaskState task_state;
};
static_assert(sizeof(DescriptorPage) <= abi::page_size);

std::uint64_t address_of(const char* label) {
    // SAFETY: an address only.
    return reinterpret_cast<std::uint64_t>(label);
}

void require(bool present, std::string_view why) {
    if (!present) fail(why);
}

void write_task_state(abi::TaskState& task_state, std::uint64_t ring0_stack, std::span<const std::uint16_t> ports) {
    task_state = {};
    task_state.rsp0 = ring0_stack;
    task_state.io_bitmap_offset = offsetof(abi::TaskState, io_bitmap);
    memset(task_state.io_bitmap, 0xff, sizeof task_state.io_bitmap + 1);
    for (std::uint16_t port : ports) {
        if (port < abi::io_bitmap_ports) task_state.io_bitmap[port / 8] &= static_cast<std::uint8_t>(~(1u << port % 8));
    }
}

}  // namespace

bool has_giant_pages() { return (arch::cpuid(extended_features).edx >> 26 & 1) != 0; }

void enable_features() {
    arch::CpuidResult basic = arch::cpuid(1), structured = arch::cpuid(7), extended = arch::cpuid(extended_features);
    require((basic.ecx >> 26 & 1) != 0, "this CPU has no XSAVE: choose another model, such as -cpu max");
    require((structured.ebx & 1) != 0, "this CPU has no FSGSBASE: choose another model, such as -cpu max");
    require((extended.edx >> 20 & 1) != 0 && (extended.edx >> 11 & 1) != 0,
            "this CPU has no NX or no SYSCALL: choose another model, such as -cpu max");
    arch::write_cr0(abi::cr0);
    arch::write_cr4(abi::cr4);
    arch::write_msr(arch::msr::efer, abi::efer);
    arch::write_xcr0(arch::cpuid(0xd).eax & arch::vector_state_mask);
}

std::uint64_t enabled_components() { return arch::cpuid(0xd).eax & arch::vector_state_mask; }
// ebx: for the components that XCR0 enables now [sdm1 13.2].
std::uint32_t xsave_size_bytes() { return arch::cpuid(0xd).ebx; }

void write_descriptors(const MemoryPlan& plan, std::uint32_t vcpu, std::span<const std::uint16_t> ports) {
    namespace descriptor = abi::descriptor;
    namespace selector = abi::selector;
    auto& page = *pointer_to<DescriptorPage>(plan.descriptors_of(vcpu));
    std::uint64_t base = abi::supervisor_map({plan.descriptors_of(vcpu)}).value;
    page = {};
    page.gdt[selector::kernel_code >> 3] = descriptor::kernel_code;
    page.gdt[selector::kernel_data >> 3] = descriptor::kernel_data;
    page.gdt[selector::user_code32 >> 3] = descriptor::user_code32;
    page.gdt[selector::user_data >> 3] = descriptor::user_data;
    page.gdt[selector::user_code >> 3] = descriptor::user_code;
    // `ltr` wants an available TSS and makes it busy itself [sdm2 ltr].
    constexpr std::uint64_t busy_bit = 1ull << 41;
    std::uint64_t task_state = base + offsetof(DescriptorPage, task_state);
    page.gdt[selector::task_state >> 3] =
        descriptor::task_state_low(task_state, sizeof(abi::TaskState) - 1) & ~busy_bit;
    page.gdt[(selector::task_state >> 3) + 1] = descriptor::task_state_high(task_state);
    for (std::size_t vector = 0; vector < idt_vectors; ++vector) {
        std::size_t interrupt = vector - abi::exception_vectors;
        std::uint64_t stub = vector < abi::exception_vectors
                                 ? address_of(husk_trap_stubs) + vector * 32
                                 : address_of(husk_interrupt_stubs) + interrupt * arch::interrupt_stub_stride_bytes;
        page.idt[vector] = abi::IdtGate::to(stub, vector == abi::breakpoint_vector);
    }
    write_task_state(page.task_state, abi::physmap({plan.area_of(vcpu) + abi::vcpu_area::ring0_stack_end}).value,
                     ports);
}

void load_state(const CpuState& state) {
    arch::write_cr3(state.page_table_root);
    std::uint64_t base = abi::supervisor_map({state.descriptors}).value;
    arch::load_gdt({abi::descriptor::gdt_entries * sizeof(std::uint64_t) - 1, base});
    arch::load_idt({idt_vectors * sizeof(abi::IdtGate) - 1, base + offsetof(DescriptorPage, idt)});
    arch::load_task_state(abi::selector::task_state);
    arch::load_data_segments(abi::selector::user_data);
    arch::write_msr(arch::msr::fs_base, 0);
    arch::write_msr(arch::msr::gs_base, abi::physmap({state.area}).value);
    arch::write_msr(arch::msr::star, abi::star);
    arch::write_msr(arch::msr::lstar, address_of(husk_syscall_trap));
    arch::write_msr(arch::msr::syscall_flag_mask, abi::syscall_flag_mask);
}

}  // namespace husk::boot::pvh
