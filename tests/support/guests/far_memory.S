# SPDX-License-Identifier: Apache-2.0
# Uses memory far above the image for the first time in every way that an instruction can; the argument says in which.
.set own_trap_3, 1
#include "guest.inc"
.set FAR, PHYSMAP + (200 << 20)
trap_3: mov %rcx, (%rdi)                # ring 0, emulated where there is no hardware
        iretq
        APPLICATION
        mov 280(%rdi), %eax             # StringList arguments: the second is one letter
        add %rdi, %rax
1:      incq %rax
        cmpb $0, -1(%rax)
        jne 1b
        movb (%rax), %al
        sub $'a', %al
        mov $FAR, %rbx
        lea 0xffc(%rbx), %rsi           # over the border of a page
        mov $0x1122334455667788, %rcx
        cmp $1, %al
        jb store
        je load
        cmp $3, %al
        jb strings
        je vector
        cmp $5, %al
        jb atomic
        je stack
        cmp $7, %al
        jb ring0
        je wide
        END 99
store:  mov %rcx, (%rsi)
        EXPECT_EQUAL (%rsi), %rcx, 1
        END 0
load:   EXPECT_EQUAL $0, (%rsi), 2
        mov %rcx, (%rsi)
        EXPECT_EQUAL (%rsi), %rcx, 3
        END 0
strings:
        lea (%rbx), %rdi
        mov $0xaa, %eax
        mov $100000, %ecx
        rep stosb
        cmpb $0xaa, (%rbx)
        jne bad
        cmpb $0xaa, 99999(%rbx)
        jne bad
        cmpb $0, 100000(%rbx)
        jne bad
        END 0
vector: movq %rcx, %xmm0
        vpbroadcastq %xmm0, %ymm0
        vmovdqu %ymm0, (%rsi)
        EXPECT_EQUAL 24(%rsi), %rcx, 4
        EXPECT_EQUAL (%rsi), %rcx, 5
        END 0
atomic: lock xadd %rcx, (%rbx)
        EXPECT_EQUAL $0, %rcx, 6
        mov $0x1122334455667788, %rdx
        EXPECT_EQUAL (%rbx), %rdx, 7
        END 0
stack:  lea (%rbx), %rsp
        call 1f
1:      pop %rax
        cmp $1b, %rax
        jne bad
        END 0
ring0:  mov $SUPERVISOR_MAP - PHYSMAP, %rdi
        add %rsi, %rdi
        int3
        EXPECT_EQUAL (%rsi), %rcx, 8
        END 0
wide:   mov $7, %eax
        xor %edx, %edx
        xsave (%rbx)
        xrstor (%rbx)
        END 0
bad:    END 98
