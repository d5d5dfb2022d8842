# SPDX-License-Identifier: Apache-2.0
# Four vCPUs write a thousand lines each and wake each other after every one. A line is never torn.
#include "guest.inc"
.set LINES, 1000
.set CPUS, 4
        APPLICATION
        mov %gs:vcpu_index, %ebx
        test %ebx, %ebx
        jnz begin
        RING1 WAKE, 1
        RING1 WAKE, 2
        RING1 WAKE, 3
begin:  mov $LINES, %r12d
1:      mov $1, %edi
        mov %ebx, %esi
        shl $3, %esi
        add $lines, %esi
        mov $8, %edx
        call print
        lea 1(%rbx), %eax
        and $CPUS - 1, %eax
        mov %rax, %gs:argument0
        out %eax, $WAKE
        dec %r12d
        jnz 1b
        lock incl done
        test %ebx, %ebx
        jz 3f
        RING1 WAKE, 0
2:      WAIT_ONCE
        jmp 2b
3:      cmpl $CPUS, done
        je 4f
        WAIT_ONCE
        jmp 3b
4:      END 0
.section .rodata
lines:  .ascii "line 0-\nline 1-\nline 2-\nline 3-\n"
.bss
done:   .skip 4
