// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/arch/per_cpu.hpp"

#include <husk/abi/machine.hpp>

#include "guest-runtime/arch/entry.hpp"

namespace husk::arch {

namespace {

IretFrame frame_to(const char* entry) {
    // IF stays clear until the trap's own `iretq`: under a foreign VMM no interrupt may overwrite the ring-0 stack
    // before the entry has copied it. The entry does not use this rsp, it only has to be canonical.
    constexpr std::uint64_t interrupts_off = abi::user_rflags & ~0x200ull;
    // SAFETY: an address of trap_entry.S, not dereferenced here.
    return {reinterpret_cast<std::uint64_t>(entry), abi::selector::user_code, interrupts_off, 0,
            abi::selector::user_data};
}

}  // namespace

void initialise_per_cpu(PerCpu& cpu) {
    cpu.frames[0] = frame_to(husk_trap_plain);
    cpu.frames[1] = frame_to(husk_trap_error);
    cpu.frames[2] = frame_to(husk_trap_page_fault);
    cpu.frames[3] = frame_to(husk_interrupt_entry);
    cpu.frame_plain = &cpu.frames[0];
    cpu.frame_error = &cpu.frames[1];
    cpu.frame_page_fault = &cpu.frames[2];
    cpu.frame_interrupt = &cpu.frames[3];
    cpu.ring0_frame = cpu.mailbox.self + abi::vcpu_area::ring0_stack_end - sizeof(IretFrame);
    // The boot stack serves the idle thread; its lower half is left for emergencies. 8 keeps Context 16-byte aligned.
    cpu.emergency_stack = cpu.mailbox.self + abi::vcpu_area::boot_stack_begin + abi::page_size - 8;
    cpu.mailbox.timer_deadline_tsc = UINT64_MAX;
}

}  // namespace husk::arch
