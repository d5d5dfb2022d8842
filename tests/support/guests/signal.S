# SPDX-License-Identifier: Apache-2.0
# Says that it is ready, waits for a signal and ends as of it: of the lowest bit in the mailbox.
#include "guest.inc"
        APPLICATION
        PRINT ready, 6
1:      movq $-1, %gs:argument0
        out %eax, $WAIT
        xor %eax, %eax
        xchg %eax, %gs:attention
        test $2, %eax
        jz 1b
        xor %eax, %eax
        xchg %rax, %gs:signals
        bsf %rax, %rax
        inc %rax
        movq $0, %gs:argument0
        mov %rax, %gs:argument1
        out %eax, $EXIT
.section .rodata
ready:  .ascii "ready\n"
