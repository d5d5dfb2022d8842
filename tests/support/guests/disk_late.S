# SPDX-License-Identifier: Apache-2.0
# Says that it is ready, waits for the end of input, and then reads the first disk's first sector; ends with its status.
#include "guest.inc"
.set AVAILABLE, 16 * 256
.set USED, (AVAILABLE + 6 + 2 * 256 + 63) & ~63
        APPLICATION
        mov 360(%rdi), %ebx             # BootInfo::devices_offset
        add %rdi, %rbx
        mov $PHYSMAP, %r12
        mov %r12, %r13
        add 32(%rbx), %r12              # DeviceRecord::queues
        add (%rbx), %r13                # registers
        PRINT ready, 6
1:      movq $data, %gs:argument0
        movq $1, %gs:argument1
        out %eax, $CONSOLE_READ
        cmpq $0, %gs:result
        je 2f
        movq $-1, %gs:argument0
        out %eax, $WAIT
        xor %eax, %eax
        xchg %eax, %gs:attention
        jmp 1b
2:      movq $header, 0(%r12)
        movl $16, 8(%r12)
        movl $0x10001, 12(%r12)         # readable, next is 1
        movq $data, 16(%r12)
        movl $513, 24(%r12)             # a sector and the status
        movl $2, 28(%r12)               # writable
        movw $1, AVAILABLE + 2(%r12)
        mfence
        movl $0, 0x50(%r13)             # queue_notify
3:      cmpw $1, USED + 2(%r12)
        je 4f
        movq $-1, %gs:argument0
        out %eax, $WAIT
        xor %eax, %eax
        xchg %eax, %gs:attention
        jmp 3b
4:      movzbl data + 512, %eax
        mov %rax, %gs:argument0
        movq $0, %gs:argument1
        out %eax, $EXIT
ready:  .ascii "ready\n"
.data
        .balign 4096
header: .quad 0, 0
        .balign 4096
data:   .skip 4096
