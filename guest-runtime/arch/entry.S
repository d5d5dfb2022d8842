/* SPDX-License-Identifier: Apache-2.0 */
/* The ways into the runtime that the application and the launcher take: the first instruction, system calls, cpuid,
 * pre-emption; and the way back out. */

#include "guest-runtime/arch/context_frame.inc"
#include "guest-runtime/arch/entry_offsets.h"

    .section .text.husk_entry, "ax", @progbits

/* The first instruction under a launcher: rdi is BootInfo, rsp the boot stack, everything else set up. */
    .globl husk_entry
    .balign 16
husk_entry:
    xor %ebp, %ebp
    call husk_boot
    ud2

/* A patched system call: rax number, rcx return address, arguments as Linux passes them. Nothing of the application's stack
 * is touched. Leaves all registers but rax, rcx, r11, as `syscall` does, and the flags that
 * the runtime must not have. */
    .globl husk_syscall_entry
    .balign 64
husk_syscall_entry:
    mov %rsp, %r11
    mov %gs:GS_KERNEL_STACK, %rsp
    push $SELECTOR_USER_DATA
    push %r11
    pushfq
6:  /* Nearly always clear already, which is cheaper to see than to do. */
    testl $UNWELCOME_RFLAGS, (%rsp)
    jnz 4f
5:  push $SELECTOR_USER_CODE
    push %rcx
    push %rax
    push_registers %rax %rcx
    mov %rsp, %rdi
    cmp $SYSCALL_COUNT, %rax
    jae 2f
    call *husk_syscall_table(, %rax, 8)
1:  mov %gs:GS_CURRENT, %r11
    mov %rax, CONTEXT_RAX(%rsp)
    cmpl $0, THREAD_WORK(%r11)
    jne 3f
    cmpl $0, %gs:GS_ATTENTION
    jne 3f
    testl $UNWELCOME_RFLAGS, CONTEXT_RFLAGS(%rsp)
    jnz husk_resume
    /* Callee-saved registers are as they were: the C++ code kept them. */
    mov CONTEXT_R10(%rsp), %r10
    mov CONTEXT_R9(%rsp), %r9
    mov CONTEXT_R8(%rsp), %r8
    mov CONTEXT_RDX(%rsp), %rdx
    mov CONTEXT_RSI(%rsp), %rsi
    mov CONTEXT_RDI(%rsp), %rdi
    mov CONTEXT_RIP(%rsp), %rcx
    mov CONTEXT_RFLAGS(%rsp), %r11
    mov CONTEXT_RSP(%rsp), %rsp
    jmp *%rcx
2:  call husk_unknown_syscall
    jmp 1b
4:  push $USER_RFLAGS
    popfq
    jmp 5b
3:  mov %rsp, %rdi
    call husk_leave_runtime
    /* Falls into husk_resume with rsp at the Context. */

/* Goes back to the interrupted code with every register from the Context at rsp. */
    .globl husk_resume
husk_resume:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    add $8, %rsp
    iretq

/* LSTAR: a `syscall` that no patch replaced. Where the CPU is virtualised without hardware it stays in ring 3, elsewhere it
 * arrives in ring 0 and goes back at once. */
    .globl husk_syscall_trap
    .balign 16
husk_syscall_trap:
    mov %rcx, %gs:GS_SCRATCH_SYSCALL
    mov %cs, %ecx
    cmp $SELECTOR_USER_CODE, %ecx
    je 1f
    lea 1f(%rip), %rcx
    sysretq
1:  mov %gs:GS_SCRATCH_SYSCALL, %rcx
    /* The flags are in r11: those that SFMASK has are clear by now. */
    mov %r11, %gs:GS_SCRATCH_SYSCALL
    mov %rsp, %r11
    mov %gs:GS_KERNEL_STACK, %rsp
    push $SELECTOR_USER_DATA
    push %r11
    push %gs:GS_SCRATCH_SYSCALL
    jmp 6b

/* A patched cpuid: called with rsp below the red zone, answers from the table that the launcher gave. */
    .globl husk_cpuid_entry
    .balign 16
husk_cpuid_entry:
    pushfq
    push %rdi
    push %rsi
    mov husk_cpuid_table(%rip), %rdi
    mov husk_cpuid_count(%rip), %esi
1:  sub $1, %esi
    jb 3f
    cmp %eax, CPUID_LEAF(%rdi)
    jne 2f
    cmpl $0, CPUID_SUBLEAF_MATTERS(%rdi)
    je 4f
    cmp %ecx, CPUID_SUBLEAF(%rdi)
    je 4f
2:  add $CPUID_ENTRY_BYTES, %rdi
    jmp 1b
3:  cpuid
    jmp 5f
4:  mov CPUID_EAX(%rdi), %eax
    mov CPUID_EBX(%rdi), %ebx
    mov CPUID_ECX(%rdi), %ecx
    mov CPUID_EDX(%rdi), %edx
5:  pop %rsi
    pop %rdi
    popfq
    ret

/* Pre-emption by the launcher: rsp is already the kernel stack, the rest is the application's. */
    .globl husk_upcall
    .balign 16
husk_upcall:
    push $SELECTOR_USER_DATA
    pushq %gs:GS_UPCALL_RSP
    pushq %gs:GS_UPCALL_RFLAGS
    push $SELECTOR_USER_CODE
    pushq %gs:GS_UPCALL_RIP
    push $-1
    push_registers %rax %rcx
    mov %rsp, %rdi
    call husk_leave_runtime
    jmp husk_resume

    .section .note.GNU-stack, "", @progbits
