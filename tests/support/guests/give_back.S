# SPDX-License-Identifier: Apache-2.0
# Gives memory back to the host: it reads as 0 afterwards, its neighbours keep what they hold, and it can be used again.
# What is no whole 2 MiB of RAM is refused. Ends with the number of the step that went wrong.
#include "guest.inc"
.set MIB, 1<<20
.set step, 0
.macro GIVE list, count, expected
.set step, step + 1
        mov $\list, %rax
        mov %rax, %gs:argument0
        movq $\count, %gs:argument1
        out %eax, $GIVE_BACK
        EXPECT_EQUAL $\expected, %gs:result, step
.endm
.macro CHECK expected, at
.set step, step + 1
        mov $PHYSMAP + \at, %rbx
        EXPECT_EQUAL $\expected, (%rbx), step
.endm
        APPLICATION
        mov $PHYSMAP + 98*MIB, %rbx
        mov $0x5a5a, %eax
        mov $8*MIB/4096, %ecx
1:      mov %rax, (%rbx)
        add $4096, %rbx
        dec %ecx
        jnz 1b
        GIVE two, 2, 2
        CHECK 0x5a5a, 98*MIB
        CHECK 0x5a5a, 100*MIB-4096
        CHECK 0, 100*MIB
        CHECK 0, 102*MIB
        CHECK 0, 104*MIB-4096
        CHECK 0x5a5a, 104*MIB
        mov $PHYSMAP + 102*MIB, %rbx
        movq $7, (%rbx)
        CHECK 7, 102*MIB
        CHECK 0, 100*MIB
        GIVE two, 0, 0
        GIVE odd, 1, -22
        GIVE short, 1, -22
        GIVE empty, 1, -22
        GIVE hole, 1, -22
        GIVE beyond, 1, -22
        GIVE second_odd, 2, 1
        GIVE 0xc0000000, 1, -14
        GIVE -1, 1, -14
        END 0
.section .rodata
        .balign 8
two:    .quad 100*MIB, 102*MIB, 102*MIB, 104*MIB
odd:    .quad 100*MIB+4096, 102*MIB+4096
short:  .quad 100*MIB, 101*MIB
empty:  .quad 100*MIB, 100*MIB
hole:   .quad 3072*MIB, 3074*MIB
beyond: .quad 126*MIB, 130*MIB
second_odd: .quad 100*MIB, 102*MIB, 1, 2
