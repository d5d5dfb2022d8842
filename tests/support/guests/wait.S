# SPDX-License-Identifier: Apache-2.0
# Waits 20 ms and checks on the TSC that it was no less; wakes itself, and then waits in vain.
#include "guest.inc"
        APPLICATION
        mov 192(%rdi), %r8              # BootInfo::tsc_hz
        call now
        mov %rax, %r9
        movq $20000000, %gs:argument0
        out %eax, $WAIT
        call now
        sub %r9, %rax
        mov $50, %ecx
        imul %rcx, %rax                 # a second is 50 of them
        cmp %r8, %rax
        jb bad
        movq $0, %gs:argument0
        out %eax, $WAKE
        EXPECT_EQUAL $0, %gs:result, 2
        movq $-1, %gs:argument0
        out %eax, $WAIT                 # returns: woken before
        movq $1, %gs:argument0
        out %eax, $WAKE                 # there is no such vCPU
        EXPECT_EQUAL $-22, %gs:result, 3
        END 0
bad:    END 1
now:    rdtsc
        shl $32, %rdx
        or %rdx, %rax
        ret
