# SPDX-License-Identifier: Apache-2.0
# Names memory that it does not have in every doorbell that takes an address: each says so, none does harm.
#include "guest.inc"
.set step, 0
.macro RING port, a, b, c, expected
.set step, step + 1
        mov $\a, %rax
        mov %rax, %gs:argument0
        mov $\b, %rax
        mov %rax, %gs:argument1
        mov $\c, %rax
        mov %rax, %gs:argument2
        out %eax, $\port
        EXPECT_EQUAL $\expected, %gs:result, step
.endm
        APPLICATION
        RING CONSOLE_WRITE, 1, 0xc0000000, 1, -14
        RING CONSOLE_WRITE, 1, 0xffffffffffffffff, 2, -14
        RING CONSOLE_WRITE, 1, 0x400000, 0xffffffffffffffff, -14
        RING CONSOLE_WRITE, 1, 0x400000, 0x7fffffffffffffff, -14
        RING CONSOLE_WRITE, 0, 0x400000, 1, -9
        RING CONSOLE_WRITE, 3, 0x400000, 1, -9
        RING CONSOLE_WRITE, 0xffffffffffffffff, 0x400000, 1, -9
        RING CONSOLE_WRITE, 1, 0xffffffffffffffff, 0, 0
        RING CONSOLE_READ, 0xffffffffffff0000, 0x10000, 0, -14
        RING CONSOLE_READ, 0x2000000000, 16, 0, -14
        RING CONSOLE_POLL, 3, 1, 0, -9
        RING WAKE, 0xffffffffffffffff, 0, 0, -22
        RING CRASH, 0xffffffffffffffff, 0, 0, -14
        RING CRASH, 0x400000, 0, 0, -14
        END 0
