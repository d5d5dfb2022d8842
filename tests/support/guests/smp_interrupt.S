# SPDX-License-Identifier: Apache-2.0
# The boot vCPU interrupts another one a thousand times, which spins in the application and then waits in turn; each time
# it comes out with attention::peer. Nothing is lost and nothing comes twice.
.set own_upcall, 1
#include "guest.inc"
.set ROUNDS, 1000
upcall: xor %eax, %eax
        xchg %eax, %gs:attention
        test $32, %eax                  # attention::peer
        jz 1f
        lock incl taken
1:      mov %gs:upcall_rsp, %rsp
        jmp *%gs:upcall_rip
        APPLICATION
        cmpl $0, %gs:vcpu_index
        jne secondary
        RING1 WAKE, 1
        mov $1, %ebx
next:   RING1 INTERRUPT, 1
        cmpq $-22, %gs:result
        je bad
1:      pause
        cmp %ebx, taken
        jb 1b
        ja bad
        inc %ebx
        cmp $ROUNDS, %ebx
        jbe next
        END 0
secondary:
        mov $stack_end, %eax
        mov %rax, %gs:upcall_stack
spin:   mov taken, %eax
        test $1, %eax
        jz spin                         # even: it is to come in the application
        # odd: while it waits; without an upcall, since the wait is the runtime's
        movq $0, %gs:upcall_stack
2:      WAIT_ONCE
        test $32, %eax
        jz 2b
        mov $stack_end, %ecx
        mov %rcx, %gs:upcall_stack
        lock incl taken
        jmp spin
bad:    END 1
.bss
taken:  .skip 8
        .skip 4096
stack_end:
