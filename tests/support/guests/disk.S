# SPDX-License-Identifier: Apache-2.0
# Drives the first disk's queue as the launcher has handed it over; the argument's letter says what to do with it: read
# the first sector, write it, or break a rule.
#include "guest.inc"
.set AVAILABLE, 16 * 256                # queue_layout of 256 entries
.set USED, (AVAILABLE + 6 + 2 * 256 + 63) & ~63
.set NEXT, 1
.set WRITE, 2
.set INDIRECT, 4
.set QUEUE_NOTIFY, 0x50
.set STATUS, 0x70

# Descriptor \index.
.macro DESCRIPTOR index, address, bytes, flags, next=0
        movq $\address, \index * 16(%r12)
        movl $\bytes, \index * 16 + 8(%r12)
        movl $(\flags | \next << 16), \index * 16 + 12(%r12)
.endm
# A request of \type for sector 0 in descriptors 0 to 2; \direction of the data.
.macro REQUEST type, direction
        movl $\type, header
        DESCRIPTOR 0, header, 16, NEXT, 1
        DESCRIPTOR 1, data, 512, NEXT | \direction, 2
        DESCRIPTOR 2, status, 1, WRITE
.endm
.macro CASE letter, label
        cmpb $\letter, %al
        je \label
.endm

        APPLICATION
        cmpl $1, 364(%rdi)              # BootInfo::device_count
        jne bad
        mov 360(%rdi), %ebx             # devices_offset
        add %rdi, %rbx
        cmpl $2, 8(%rbx)                # DeviceRecord::device: block
        jne bad
        cmpl $1, 24(%rbx)               # queue_count
        jne bad
        cmpl $256, 28(%rbx)             # queue_size
        jne bad
        mov $PHYSMAP, %r12
        mov %r12, %r13
        add 32(%rbx), %r12              # queues
        add (%rbx), %r13                # registers
        cmpl $0x74726976, (%r13)
        jne bad
        cmpl $15, STATUS(%r13)          # acknowledge, driver, features_ok, driver_ok
        jne bad
        mov 280(%rdi), %eax             # StringList arguments: the second is one letter
        add %rdi, %rax
1:      incq %rax
        cmpb $0, -1(%rax)
        jne 1b
        movb (%rax), %al
        CASE 'r', read
        CASE 'w', write
        CASE 'f', flush
        CASE 'l', loop
        CASE 'o', outside
        CASE 'z', zero
        CASE 'd', directions
        CASE 'h', head
        CASE 'j', jump
        CASE 't', table
        CASE 's', short
        CASE 'q', queue
        CASE 'b', byte
        CASE 'e', reset
bad:    END 99

read:   REQUEST 0, WRITE
        call submit
        PRINT data, 512
        END 0
write:  mov $data, %edi
        mov $0x6b737548, %eax           # "Husk"
        mov $128, %ecx
        rep stosl
        REQUEST 1, 0
        call submit
        jmp flush
flush:  movl $4, header
        DESCRIPTOR 0, header, 16, NEXT, 2
        DESCRIPTOR 2, status, 1, WRITE
        call submit
        END 0
loop:   REQUEST 0, WRITE
        DESCRIPTOR 2, data, 1, NEXT | WRITE, 1
        jmp broken
outside:
        REQUEST 0, WRITE
        DESCRIPTOR 1, 0xfffffffffffff000, 0x2000, NEXT | WRITE, 2
        jmp broken
zero:   REQUEST 0, WRITE
        DESCRIPTOR 1, data, 0, NEXT | WRITE, 2
        jmp broken
directions:
        REQUEST 0, WRITE
        DESCRIPTOR 2, status, 1, 0
        jmp broken
head:   REQUEST 0, WRITE
        movw $256, AVAILABLE + 4(%r12)
        jmp broken
jump:   REQUEST 0, WRITE
        movw $300, AVAILABLE + 2(%r12)
        jmp notify
table:  REQUEST 0, WRITE
        DESCRIPTOR 0, data, 24, INDIRECT
        jmp broken
short:  DESCRIPTOR 0, status, 1, WRITE
        jmp broken
queue:  movl $7, QUEUE_NOTIFY(%r13)
        jmp forever
byte:   movb $0, STATUS(%r13)
        jmp forever
reset:  REQUEST 0, WRITE                # with a request in flight
        incw AVAILABLE + 2(%r12)
        movl $0, QUEUE_NOTIFY(%r13)
        movl $0, STATUS(%r13)
        cmpl $0, STATUS(%r13)
        jne bad
        END 0

broken: incw AVAILABLE + 2(%r12)
notify: movl $0, QUEUE_NOTIFY(%r13)
forever:
        movq $-1, %gs:argument0
        out %eax, $WAIT
        jmp forever

# Makes chain 0 available and waits for the device to have used it; ends with the status if that is not 0.
submit: movzwl AVAILABLE + 2(%r12), %r14d
        movzbl %r14b, %ecx
        movw $0, AVAILABLE + 4(%r12, %rcx, 2)
        movb $0xff, status
        inc %r14w
        movw %r14w, AVAILABLE + 2(%r12)
        movw %r14w, AVAILABLE + 4 + 2 * 256(%r12)
        decw AVAILABLE + 4 + 2 * 256(%r12)      # used_event
        mfence
        movl $0, QUEUE_NOTIFY(%r13)
1:      cmpw %r14w, USED + 2(%r12)
        je 2f
        movq $-1, %gs:argument0
        out %eax, $WAIT
        xor %eax, %eax
        xchg %eax, %gs:attention
        jmp 1b
2:      movzbl status, %eax
        test %eax, %eax
        jnz 3f
        ret
3:      mov %rax, %gs:argument0
        movq $0, %gs:argument1
        out %eax, $EXIT
.data
        .balign 4096
header: .quad 0, 0
status: .byte 0xff
        .balign 4096
data:   .skip 4096
