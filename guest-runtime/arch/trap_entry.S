/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions: from ring 0, where the CPU puts them, to husk_trap in ring 3. */

#include "guest-runtime/arch/context_frame.inc"
#include "guest-runtime/arch/entry_offsets.h"

    .section .text.husk_entry, "ax", @progbits

/* Ring-0 halves of the traps. Each says which trap it was on the ring-0 stack and leaves for ring 3 through a frame that is
 * always ready: three instructions, since ring 0 may be emulated at 0.6 us each. */
    .globl husk_trap_stubs
    .balign 32
husk_trap_stubs:
    vector = 0
    .rept EXCEPTION_VECTORS
    .balign 32
    .if vector == 3
    cmpq $husk_gate_return, (%rsp)
    jne 1f
    jmp *%rax
1:  push $3
    mov %gs:GS_FRAME_PLAIN, %rsp
    iretq
    .elseif vector == 14
    push %rax
    mov %cr2, %rax
    mov %gs:GS_FRAME_PAGE_FAULT, %rsp
    iretq
    .elseif (vector == 8) || (vector >= 10 && vector <= 13) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    push $vector
    mov %gs:GS_FRAME_ERROR, %rsp
    iretq
    .else
    push $vector
    mov %gs:GS_FRAME_PLAIN, %rsp
    iretq
    .endif
    vector = vector + 1
    .endr

/* Ring-3 halves. The hardware's frame lies at the end of the ring-0 stack and is copied before anything can trap again. */
.macro trap_entry vector_slot error_slot
    mov %rcx, %gs:GS_SCRATCH1
    mov %rdx, %gs:GS_SCRATCH2
    mov %gs:GS_RING0_RIP, %rcx
    mov %gs:GS_KERNEL_STACK, %rdx
    cmp $husk_runtime_text_begin, %rcx
    jb 1f
    cmp $husk_runtime_text_end, %rcx
    jae 1f
    /* The runtime itself, in a copy to or from the application: stay on its stack. */
    mov %gs:GS_RING0_RSP, %rdx
    sub $256, %rdx
    and $-16, %rdx
    sub $8, %rdx
    cmp $husk_trap_entry_begin, %rcx
    jb 1f
    cmp $husk_trap_entry_end, %rcx
    jae 1f
    mov %gs:GS_EMERGENCY_STACK, %rdx
1:  mov %rdx, %rsp
    push $SELECTOR_USER_DATA
    pushq %gs:GS_RING0_RSP
    pushq %gs:GS_RING0_RFLAGS
    push $SELECTOR_USER_CODE
    push %rcx
    push $-1
    push_registers %gs:GS_SCRATCH0 %gs:GS_SCRATCH1 %gs:GS_SCRATCH2
    mov \vector_slot, %rsi
    mov \error_slot, %rdx
    mov %rax, %rcx
    mov %rsp, %rdi
    /* Copied: a foreign VMM's interrupts may come again. Where IOPL is masked this changes nothing and faults not, as `sti`
     * would. */
    push $USER_RFLAGS
    popfq
    call husk_trap
    jmp husk_resume
.endm

    .globl husk_trap_entry_begin, husk_trap_entry_end
husk_trap_entry_begin:
    .globl husk_trap_plain
    .balign 16
husk_trap_plain:
    mov %rax, %gs:GS_SCRATCH0
    trap_entry %gs:GS_RING0_PLAIN_VECTOR $0
    .globl husk_trap_error
    .balign 16
husk_trap_error:
    mov %rax, %gs:GS_SCRATCH0
    trap_entry %gs:GS_RING0_ERROR_VECTOR %gs:GS_RING0_ERROR
    .globl husk_trap_page_fault
    .balign 16
husk_trap_page_fault:
    /* rax is cr2; its own value lies where the others push their vector. */
    mov %rcx, %gs:GS_SCRATCH1
    mov %gs:GS_RING0_ERROR_VECTOR, %rcx
    mov %rcx, %gs:GS_SCRATCH0
    mov %gs:GS_SCRATCH1, %rcx
    trap_entry $14 %gs:GS_RING0_ERROR
husk_trap_entry_end:

    .section .note.GNU-stack, "", @progbits
