# SPDX-License-Identifier: Apache-2.0
# Leaves a crash record of the runtime's own failure.
#include "guest.inc"
        APPLICATION
        movq $record, %gs:argument0
        out %eax, $CRASH
        EXPECT_EQUAL $0, %gs:result, 1
        END 3
.data
        .balign 8
record: .long 2, 0, 0, 0                # panic
        .quad 0, 0xffffffffffffffff, 0xffffffffffffffff
        .long 0xffffffff, message_bytes
        .quad message
message: .ascii "the tiny guest gives up"
.set message_bytes, . - message
