/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts of a foreign VMM's machine: from ring 3 into the handler, from the idle vCPU back to whoever waits. */

#include "guest-runtime/arch/context_frame.inc"
#include "guest-runtime/arch/entry_offsets.h"

    .section .text.husk_interrupts, "ax", @progbits

/* Ring-0 halves. An interrupt comes from ring 3, or ends the `hlt` below; nowhere else are interrupts on in ring 0. */
    .globl husk_interrupt_stubs
    .balign 64
husk_interrupt_stubs:
    vector = EXCEPTION_VECTORS
    .rept INTERRUPT_VECTORS
    .balign 64
    testb $3, 8(%rsp)
    jz 1f
    push $vector
    mov %gs:GS_FRAME_INTERRUPT, %rsp
    iretq
1:  movl $vector, %gs:GS_WAIT_VECTOR
    mov %gs:GS_RING0_FRAME, %rsp
    iretq
    vector = vector + 1
    .endr

/* Routine of the gate: sleeps until an interrupt, unless something already wants attention. `sti` takes effect behind the
 * instruction that follows it, so no interrupt is lost between look and sleep. The interrupt's stub goes back through the
 * gate by itself. */
    .globl husk_ring0_wait
husk_ring0_wait:
    cmpl $0, %gs:GS_ATTENTION
    jne 1f
    sti
    hlt
    ud2
1:  iretq

/* Routine of the gate: ends the machine, since nothing handles an exception without an IDT. */
    .globl husk_ring0_reset
husk_ring0_reset:
    push $0
    push $0
    lidt (%rsp)
    ud2

/* Ring-3 half, interrupts off, with scratch slots of its own: every other entry path may be interrupted with its slots in
 * use. The runtime's own stack is left alone, since it may be the application's between two instructions of the entry paths. */
    .globl husk_interrupt_entry
    .balign 16
husk_interrupt_entry:
    mov %rcx, %gs:GS_INTERRUPT_RCX
    mov %gs:GS_RING0_RIP, %rcx
    cmp $husk_runtime_text_begin, %rcx
    jb 1f
    cmp $husk_runtime_text_end, %rcx
    jae 1f
    mov %gs:GS_INTERRUPT_STACK, %rsp
    jmp 2f
1:  mov %gs:GS_KERNEL_STACK, %rsp
2:  push $SELECTOR_USER_DATA
    pushq %gs:GS_RING0_RSP
    pushq %gs:GS_RING0_RFLAGS
    push $SELECTOR_USER_CODE
    push %rcx
    push $-1
    push_registers %rax %gs:GS_INTERRUPT_RCX
    mov %gs:GS_RING0_PLAIN_VECTOR, %rsi
    mov %rsp, %rdi
    call husk_interrupt
    test %al, %al
    jz husk_resume
    /* The application was interrupted and something wants attention: from here on it is like any other way out. */
    push $USER_RFLAGS
    popfq
    mov %rsp, %rdi
    call husk_leave_runtime
    jmp husk_resume

    .section .note.GNU-stack, "", @progbits
