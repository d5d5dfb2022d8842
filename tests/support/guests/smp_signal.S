# SPDX-License-Identifier: Apache-2.0
# The boot vCPU spins in the application and takes nothing; the other one waits, and ends as of the signal that comes.
#include "guest.inc"
        APPLICATION
        cmpl $0, %gs:vcpu_index
        jne secondary
        RING1 WAKE, 1
1:      pause
        jmp 1b
secondary:
        PRINT ready, 6
2:      WAIT_ONCE
        test $2, %eax
        jz 2b
        xor %eax, %eax
        xchg %rax, %gs:signals
        bsf %rax, %rax
        inc %rax
        movq $0, %gs:argument0
        mov %rax, %gs:argument1
        out %eax, $EXIT
.section .rodata
ready:  .ascii "ready\n"
