# SPDX-License-Identifier: Apache-2.0
# Copies stdin to stdout, waiting wherever it must.
#include "guest.inc"
        APPLICATION
read:   movq $buffer, %gs:argument0
        movq $buffer_bytes, %gs:argument1
        out %eax, $CONSOLE_READ
        mov %gs:result, %rax
        cmp $-11, %rax
        jne 1f
        movq $-1, %gs:argument0
        out %eax, $WAIT
        xor %eax, %eax
        xchg %eax, %gs:attention
        jmp read
1:      test %rax, %rax
        js 2f
        jz 3f
        mov $1, %edi
        mov $buffer, %esi
        mov %rax, %rdx
        call print
        jmp read
2:      END 1
3:      END 0
.bss
        .balign 4096
.set buffer_bytes, 1 << 16
buffer: .skip buffer_bytes
