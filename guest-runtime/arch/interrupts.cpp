// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/arch/interrupts.hpp"

#include <array>
#include <span>

#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/arch/privileged.hpp"

extern "C" {
void husk_enter_ring0();
void husk_ring0_wait();
void husk_ring0_reset();
}

namespace husk::arch {

namespace {

// Of vCPU 0, which devices interrupt, and of the others.
alignas(16) constinit std::array<std::byte, 8192> interrupt_stack{};
using SmallStack = std::array<std::byte, 4096>;
[[gnu::section(".bss.late")]] alignas(16) constinit std::array<SmallStack, most_interrupted_vcpus - 1> other_stacks{};

void call_ring0(void (*routine)()) { asm volatile("call husk_enter_ring0" : "+a"(routine) : : "memory", "cc"); }

}  // namespace

void initialise_interrupts(PerCpu& cpu) {
    std::uint32_t index = cpu.mailbox.vcpu_index;
    std::span<std::byte> stack = interrupt_stack;
    if (index != 0) stack = other_stacks[index - 1];
    // 8 keeps Context 16-byte aligned.
    cpu.interrupt_stack = reinterpret_cast<std::uint64_t>(stack.data() + stack.size()) - 8;
}

std::uint32_t wait_for_interrupt() {
    PerCpu& cpu = per_cpu();
    cpu.wait_vector = 0;
    call_ring0(husk_ring0_wait);
    return cpu.wait_vector;
}

void reset_machine() {
    call_ring0(husk_ring0_reset);
    for (;;) __builtin_ia32_pause();
}

}  // namespace husk::arch
