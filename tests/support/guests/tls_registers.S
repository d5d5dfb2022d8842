# SPDX-License-Identifier: Apache-2.0
# FSGSBASE, AVX state and the TSC in ring 3, as BootInfo promises them.
#include "guest.inc"
        APPLICATION
        mov $0x12345000, %eax
        wrfsbase %rax
        rdfsbase %rcx
        EXPECT_EQUAL %rax, %rcx, 1
        mov 224 + 0(%rdi), %rax         # BootInfo::xcr0
        xor %ecx, %ecx
        mov %rax, %r8
        xgetbv
        shl $32, %rdx
        or %rdx, %rax
        and %r8, %rax
        EXPECT_EQUAL %rax, %r8, 2       # every component that is promised is on
        mov $area, %ebx
        mov %r8, %rax
        mov %r8, %rdx
        shr $32, %rdx
        xsave (%rbx)
        xrstor (%rbx)
        mov 232(%rdi), %eax             # BootInfo::xsave_size_bytes
        cmp $576, %eax
        jb 1f
        cmp $8192, %eax
        ja 1f
        END 0
1:      END 3
.bss
        .balign 64
area:   .skip 8192
