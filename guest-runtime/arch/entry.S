/* SPDX-License-Identifier: Apache-2.0 */
/* Every way into the runtime: system calls, traps, pre-emption, the first instruction; and the ways back out. */

#include "guest-runtime/arch/entry_offsets.h"

/* Lays the fifteen general registers of Context below cs/rip/orig_rax, which are already there. */
.macro push_registers rax rcx
    push %rdi
    push %rsi
    push %rdx
    pushq \rcx
    pushq \rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
.endm

    .section .text.husk_entry, "ax", @progbits

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
    push %rdi
    push %rsi
    pushq %gs:GS_SCRATCH2
    pushq %gs:GS_SCRATCH1
    pushq %gs:GS_SCRATCH0
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
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

/* long husk_copy(void* to, const void* from, size_t size): 0, or -1 after a fault that could not be resolved. Uses no stack,
 * so that husk_trap can send it to husk_copy_fault from any instruction. */
    .globl husk_copy, husk_copy_end, husk_copy_fault
    .balign 16
husk_copy:
    mov %rdx, %rcx
    cmp $256, %rdx
    jae 4f
1:  cmp $8, %rcx
    jb 2f
    mov (%rsi), %rax
    mov %rax, (%rdi)
    add $8, %rsi
    add $8, %rdi
    sub $8, %rcx
    jmp 1b
2:  test %rcx, %rcx
    jz 5f
3:  movzbl (%rsi), %eax
    mov %al, (%rdi)
    inc %rsi
    inc %rdi
    dec %rcx
    jnz 3b
    jmp 5f
4:  rep movsb
5:  xor %eax, %eax
    ret
/* long husk_touch32(uint32_t* word): writes it as it is, however others change it; fails as the copy does. */
    .globl husk_touch32
husk_touch32:
    lock orl $0, (%rdi)
    xor %eax, %eax
    ret
husk_copy_end:
husk_copy_fault:
    mov $-1, %rax
    ret

/* long husk_try_load32(const uint32_t* from, uint32_t* to): 0, or -1 after any fault: nothing is faulted in. */
    .globl husk_try_load32
    .balign 16
husk_try_load32:
    mov (%rdi), %eax
    mov %eax, (%rsi)
    xor %eax, %eax
    ret
/* long husk_try_exchange32(uint32_t* word, uint32_t expected, uint32_t desired, uint32_t* seen): the same. */
    .globl husk_try_exchange32, husk_trial_end
husk_try_exchange32:
    mov %esi, %eax
    lock cmpxchg %edx, (%rdi)
    mov %eax, (%rcx)
    xor %eax, %eax
    ret
husk_trial_end:

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

/* The first instruction under a launcher: rdi is BootInfo, rsp the boot stack, everything else set up. */
    .globl husk_entry
    .balign 16
husk_entry:
    xor %ebp, %ebp
    call husk_boot
    ud2

    .section .note.GNU-stack, "", @progbits
