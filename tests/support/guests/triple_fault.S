# SPDX-License-Identifier: Apache-2.0
# Takes its page tables away in ring 0.
.set own_trap_3, 1
#include "guest.inc"
trap_3: xor %eax, %eax
        mov %rax, %cr3
        hlt
        APPLICATION
        int3
        END 0
