# SPDX-License-Identifier: Apache-2.0
# Four vCPUs: the boot vCPU starts the others, each finds its own state, and the last one to come wakes the first.
#include "guest.inc"
        APPLICATION
        mov %gs:vcpu_index, %ebx
        # each: rdi is the boot info, rsp the end of its own boot stack, the mailbox's address is in itself
        cmpl $4, 20(%rdi)               # BootInfo::vcpu_count
        jne bad
        mov %gs:0, %rax
        lea 32768(%rax), %rcx
        cmp %rcx, %rsp
        jne bad
        mov $PHYSMAP, %rcx
        add 48(%rdi), %rcx              # BootInfo::vcpu_areas
        mov %rbx, %rdx
        shl $15, %rdx
        add %rdx, %rcx
        cmp %rcx, %rax
        jne bad
        push %rbx                       # the stack is there, and its own
        pop %rcx
        cmp %rbx, %rcx
        jne bad
        test %ebx, %ebx
        jnz secondary
        RING1 WAKE, 4                   # there is none
        EXPECT_EQUAL $-22, %gs:result, 2
        RING1 INTERRUPT, 4
        EXPECT_EQUAL $-22, %gs:result, 3
        RING1 INTERRUPT, 1              # not started yet
        EXPECT_EQUAL $-22, %gs:result, 4
        RING1 WAKE, 1
        EXPECT_EQUAL $0, %gs:result, 5
        RING1 WAKE, 2
        RING1 WAKE, 3
1:      RING1 WAIT, -1
        cmpl $3, started
        jb 1b
        RING1 INTERRUPT, 1
        EXPECT_EQUAL $0, %gs:result, 6
        END 42
secondary:
        lock incl started
        RING1 WAKE, 0
2:      WAIT_ONCE
        jmp 2b
bad:    END 1
.bss
started: .skip 4
