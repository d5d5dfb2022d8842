# SPDX-License-Identifier: Apache-2.0
# Two vCPUs spin in the application, and each is pre-empted ten times.
.set own_upcall, 1
#include "guest.inc"
upcall: xor %eax, %eax
        xchg %eax, %gs:attention
        test $1, %eax                   # attention::tick
        jz 1f
        mov %gs:vcpu_index, %eax
        incl ticks(, %rax, 4)
1:      mov %gs:upcall_rsp, %rsp
        jmp *%gs:upcall_rip
        APPLICATION
        mov %gs:vcpu_index, %ebx
        test %ebx, %ebx
        jnz begin
        RING1 WAKE, 1
begin:  mov %rbx, %rax
        inc %rax
        shl $12, %rax
        add $stacks, %rax
        mov %rax, %gs:upcall_stack
        movl $1, %gs:want_tick
2:      pause
        cmpl $10, ticks
        jb 2b
        cmpl $10, ticks + 4
        jb 2b
        test %ebx, %ebx
        jnz 2b
        END 0
.bss
ticks:  .skip 8
stacks: .skip 8192
