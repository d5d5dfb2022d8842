/* SPDX-License-Identifier: Apache-2.0 */
/* From one thread's kernel stack to another's, and the first code of a new one. */

    .section .text.husk_entry, "ax", @progbits

/* void husk_switch_stacks(uint64_t* save_rsp, uint64_t load_rsp): the other side returns from its own call. */
    .globl husk_switch_stacks
    .balign 16
husk_switch_stacks:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

/* First code of a new thread on its kernel stack: finishes the switch, then becomes the thread. */
    .globl husk_thread_begin
husk_thread_begin:
    call husk_finish_switch
    mov %rsp, %rdi
    call husk_leave_runtime
    jmp husk_resume

/* The same of a thread of the runtime's own: rbx is what it runs, rbp the argument. */
    .globl husk_runtime_thread_begin
husk_runtime_thread_begin:
    call husk_finish_switch
    mov %rbp, %rdi
    call *%rbx
    call husk_end_runtime_thread
    ud2

    .section .note.GNU-stack, "", @progbits
