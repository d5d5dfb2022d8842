# SPDX-License-Identifier: Apache-2.0
# Touches what ring 3 may not touch: each access must fault. The exit status is the number of the one that did not.
.set own_trap_14, 1
.set own_trap_3, 1
#include "guest.inc"
trap_14:
        test %r15, %r15                 # an access that must not fault
        jz 1f
        add $8, %rsp                    # the error code
        mov %r15, (%rsp)                # go on there
        xor %r15d, %r15d
        iretq
1:      END 107
trap_3: mov %rcx, (%rdi)                # ring 0 may write through the supervisor map
        iretq
.set step, 0
.macro FAULTS instruction:vararg
.set step, step + 1
        mov $9f, %r15
        \instruction
        END step
9:
.endm
        APPLICATION
        mov %rdi, %rbx                  # BootInfo
        mov $PHYSMAP, %r12
        mov $SUPERVISOR_MAP, %r13
        FAULTS mov 0, %rax                              # page 0
        FAULTS mov %rax, (%rbx)                         # boot info
        mov 24(%rbx), %rax
        FAULTS mov %rax, (%rax, %r12)                   # page tables in the physmap
        FAULTS mov (%rax, %r13), %rcx                   # the supervisor map
        FAULTS mov %rax, (%rax, %r13)
        FAULTS mov %rax, _start                         # text
        FAULTS mov %rax, _start(%r12)                   # text in the physmap
        FAULTS mov %rax, constant                       # constants
        FAULTS mov %rax, constant(%r12)
        mov $0x00af9b000000ffff, %rax                   # descriptors, in front of BootInfo: ring 0's code segment
        EXPECT_EQUAL -4096 + 0x10(%rbx), %rax, 106
        FAULTS mov %rcx, -4096(%rbx)
        FAULTS mov %gs:4096, %rax                       # guards
        FAULTS mov %gs:3 * 4096, %rax
        mov $writable, %rax
        FAULTS jmp *%rax                                # no execution of data
        lea writable(%r12), %rax
        FAULTS jmp *%rax                                # nor of the physmap
        mov constant(%r12), %rax                        # reading is allowed
        EXPECT_EQUAL constant, %rax, 100
        movq $77, writable(%r12)                        # and data is the same in both
        EXPECT_EQUAL $77, writable, 101
        lea writable(%r13), %rdi
        mov $78, %ecx
        int3
        EXPECT_EQUAL $78, writable, 102
        mov %gs:0, %rax                                 # VcpuMailbox::self is where GS points
        mov %rax, %rcx
        EXPECT_EQUAL (%rcx), %rax, 103
        lea 8*4096(%rax), %rcx
        EXPECT_EQUAL %rsp, %rcx, 104
        mov $0x544f4f426b737548, %rax                   # BootInfo::magic
        EXPECT_EQUAL (%rbx), %rax, 105
        END 0
.section .rodata
        .balign 8
constant: .quad 0x1122334455667788
.data
        .balign 8
writable: .quad 0xc3
