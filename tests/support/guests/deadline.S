# SPDX-License-Identifier: Apache-2.0
# Spins with a timer 10 ms ahead: the tick comes when it is due, and before that none.
.set own_upcall, 1
#include "guest.inc"
upcall: call now
        cmp %r9, %rax
        jb early
        END 0
early:  END 1
now:    rdtsc
        shl $32, %rdx
        or %rdx, %rax
        ret
        APPLICATION
        mov 192(%rdi), %r8
        call now
        mov %rax, %r9
        mov %r8, %rax
        xor %edx, %edx
        mov $100, %ecx
        div %rcx
        add %rax, %r9
        mov $stack_end, %eax
        mov %rax, %gs:upcall_stack
        mov %r9, %gs:timer_deadline_tsc
1:      jmp 1b
.bss
        .skip 4096
stack_end:
