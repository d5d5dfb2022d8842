/* SPDX-License-Identifier: Apache-2.0 */
/* From ring 3 into ring 0 and back, for what only ring 0 may do. */

    .section .text.husk_entry, "ax", @progbits

/* The gate into ring 0: rax is a routine below; returns behind the int3. */
    .globl husk_enter_ring0
    .balign 16
husk_enter_ring0:
    int3
    .globl husk_gate_return
husk_gate_return:
    ret

/* Ring-0 routines: rdi, rsi, rcx as `rep movsq` wants them, rdx an address to forget. */
    .globl husk_ring0_copy, husk_ring0_copy_flush_page, husk_ring0_copy_flush_all
husk_ring0_copy:
    rep movsq
    iretq
husk_ring0_copy_flush_page:
    rep movsq
    invlpg (%rdx)
    iretq
husk_ring0_copy_flush_all:
    rep movsq
    mov %cr3, %rdx
    mov %rdx, %cr3
    iretq

    .section .note.GNU-stack, "", @progbits
