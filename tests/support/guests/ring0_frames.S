# SPDX-License-Identifier: Apache-2.0
# What the runtime relies on in ring 0: copying through the supervisor map, invlpg, and iretq from a frame in the mailbox
# page.
.set own_trap_3, 1
#include "guest.inc"
trap_3: test %eax, %eax
        jz 1f
        mov %gs:guest_private, %rsp     # a frame of ring 3's making
        iretq
1:      rep movsq
        invlpg (%rdx)
        iretq
        APPLICATION
        mov $SUPERVISOR_MAP, %r13
        xor %eax, %eax
        mov $from, %esi
        lea to(%r13), %rdi
        mov $4, %ecx
        mov $to, %edx
        int3
        mov to + 24, %rax
        EXPECT_EQUAL from + 24, %rax, 1
        mov %gs:0, %rcx
        lea guest_private + 64(%rcx), %rcx
        mov %rcx, %gs:guest_private
        movq $arrived, (%rcx)
        movq $0x33, 8(%rcx)
        movq $0x3202, 16(%rcx)
        mov %rsp, 24(%rcx)
        movq $0x2b, 32(%rcx)
        mov $1, %eax
        int3
        END 2
arrived:
        syscall
        END 3
.data
        .balign 8
from:   .quad 1, 2, 3, 0x1234567812345678
to:     .quad 0, 0, 0, 0
