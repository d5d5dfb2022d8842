// SPDX-License-Identifier: Apache-2.0
// What one vCPU keeps behind its mailbox, reached through GS.
#pragma once

#include <cstddef>
#include <cstdint>

#include <husk/abi/doorbell.hpp>
#include <husk/abi/memory_layout.hpp>

namespace husk::thread {
class Thread;
}

namespace husk::arch {

// Popped by the `iretq` of a ring-0 trap stub: sends the vCPU to the ring-3 half of the trap.
struct IretFrame {
    std::uint64_t rip, cs, rflags, rsp, ss;
};

struct PerCpu {
    abi::VcpuMailbox mailbox;
    std::uint8_t mailbox_growth[abi::vcpu_area::guest_private_offset - sizeof(abi::VcpuMailbox)];

    std::uint64_t scratch[4];  // entry code saves registers here before it has a stack
    thread::Thread* current;
    thread::Thread* idle;
    IretFrame* frame_plain;  // traps without an error code; read by the ring-0 stubs
    IretFrame* frame_error;  // traps with one
    IretFrame* frame_page_fault;
    std::uint64_t emergency_stack;  // for a fault inside the trap entry itself
    IretFrame frames[4];

    // Only under a foreign VMM.
    IretFrame* frame_interrupt;
    std::uint64_t interrupt_stack;  // for an interrupt of the runtime itself
    std::uint64_t interrupt_rcx;    // scratch
    std::uint64_t ring0_frame;      // where the gate's frame lies on the ring-0 stack
    std::uint32_t wait_vector;      // the interrupt that ended a wait
};
// The assembly files know these.
static_assert(offsetof(PerCpu, mailbox.attention) == 48 && offsetof(PerCpu, mailbox.upcall_stack) == 64);
static_assert(offsetof(PerCpu, scratch) == 1024 && offsetof(PerCpu, current) == 1056);
static_assert(offsetof(PerCpu, frame_plain) == 1072 && offsetof(PerCpu, emergency_stack) == 1096);
static_assert(offsetof(PerCpu, frame_interrupt) == 1264 && offsetof(PerCpu, wait_vector) == 1296);
static_assert(sizeof(PerCpu) <= abi::page_size);

// This vCPU's. Stable until the calling thread gives its vCPU up, since the runtime is not pre-empted; afterwards it
// may be on another one, which is why the compiler must not remember the answer.
inline PerCpu& per_cpu() {
    PerCpu* self;
    asm volatile("mov %%gs:0, %0" : "=r"(self));
    return *self;
}

inline thread::Thread* current_thread() {
    thread::Thread* thread;
    asm volatile("mov %%gs:1056, %0" : "=r"(thread));
    return thread;
}

// Fills in what the trap stubs need; before the first trap of this vCPU.
void initialise_per_cpu(PerCpu& cpu);

}  // namespace husk::arch
