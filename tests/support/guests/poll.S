# SPDX-License-Identifier: Apache-2.0
# Polls stdin until there is something, without reading any of it; then asks twice and ends with the bits.
#include "guest.inc"
        APPLICATION
poll:   movq $0, %gs:argument0
        movq $1, %gs:argument1
        out %eax, $CONSOLE_POLL
        mov %gs:result, %rax
        test $1, %rax
        jnz 1f
        movq $-1, %gs:argument0
        out %eax, $WAIT
        xor %eax, %eax
        xchg %eax, %gs:attention
        test $4, %eax
        jz bad
        jmp poll
1:      and $5, %eax
        mov %rax, %gs:argument0
        movq $0, %gs:argument1
        out %eax, $EXIT
bad:    END 99
