# SPDX-License-Identifier: Apache-2.0
# Maps a guest-physical address without memory and reads it.
.set own_trap_3, 1
#include "guest.inc"
trap_3: mov %rcx, (%rdi)
        iretq
        APPLICATION
        mov 24(%rdi), %rdi              # BootInfo::page_table_root
        mov $PHYSMAP, %r12
        mov $0x000ffffffffff000, %r14
        mov (%rdi, %r12), %rdi          # the tables of the lowest addresses: PDPT
        and %r14, %rdi
        mov (%rdi, %r12), %rdi          # PD
        and %r14, %rdi
        mov $SUPERVISOR_MAP, %rax
        lea 511 * 8(%rdi, %rax), %rdi
        mov $0xd00000e7, %ecx           # 2 MiB in the MMIO hole
        int3
        mov 0x3fe00000, %eax
        END 0
