# SPDX-License-Identifier: Apache-2.0
# Writes its arguments, environment and working directory, NULs and all.
#include "guest.inc"
.macro LIST at
        mov $1, %edi
        mov \at(%rbx), %esi             # StringList::offset
        add %rbx, %rsi
        mov $PHYSMAP, %rax
        sub %rax, %rsi
        mov \at + 8(%rbx), %edx         # StringList::size_bytes
        test %edx, %edx
        jz 8f
        call print
8:
.endm
        APPLICATION
        mov %rdi, %rbx
        LIST 280
        LIST 296
        LIST 312
        END 0
