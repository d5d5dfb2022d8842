# SPDX-License-Identifier: Apache-2.0
# Two vCPUs write registers of the first disk at the same time: each write is an exit, and none of them is lost or wrong.
#include "guest.inc"
.set ROUNDS, 2000
        APPLICATION
        mov 360(%rdi), %r13d            # BootInfo::devices_offset
        add %rdi, %r13
        mov (%r13), %r13                # DeviceRecord::registers
        mov $PHYSMAP, %rax
        add %rax, %r13
        mov %gs:vcpu_index, %ebx
        test %ebx, %ebx
        jnz begin
        RING1 WAKE, 1
begin:  mov $ROUNDS, %r12d
1:      movl $0, 0x50(%r13)             # queue_notify
        movl $0, 0x30(%r13)             # queue_sel
        dec %r12d
        jnz 1b
        lock incl done
        test %ebx, %ebx
        jz 3f
        RING1 WAKE, 0
2:      WAIT_ONCE
        jmp 2b
3:      cmpl $2, done
        je 4f
        WAIT_ONCE
        jmp 3b
4:      cmpl $1, 0x44(%r13)             # queue_ready of queue 0
        jne bad
        END 0
bad:    END 1
.bss
done:   .skip 4
