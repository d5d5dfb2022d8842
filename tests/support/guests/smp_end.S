# SPDX-License-Identifier: Apache-2.0
# Two vCPUs, one of which ends the VM while the other is busy. argv[1] is two letters: what the boot vCPU does, and the
# other. s spins in the application, w waits, e exits with 43 + its index, t ends in a triple fault, d rings a doorbell
# that there is not, x spins once the other has started and then exits as e.
.set own_trap_3, 1
#include "guest.inc"
trap_3: xor %eax, %eax                  # ring 0 without page tables
        mov %rax, %cr3
        hlt
        APPLICATION
        mov 280(%rdi), %eax             # BootInfo::arguments.offset
        add %rdi, %rax
1:      cmpb $0, (%rax)                 # behind argv[0]
        lea 1(%rax), %rax
        jne 1b
        mov %gs:vcpu_index, %ebx
        movzbl (%rax, %rbx), %r12d
        test %ebx, %ebx
        jnz 2f
        RING1 WAKE, 1
        cmp $'x', %r12d
        jne 3f
4:      cmpl $0, started
        je 4b
        jmp exit
2:      movl $1, started
3:      cmp $'s', %r12d
        je spin
        cmp $'w', %r12d
        je sleep
        cmp $'e', %r12d
        je exit
        cmp $'t', %r12d
        je triple
        cmp $'d', %r12d
        je wrong
        END 1
spin:   pause
        jmp spin
sleep:  WAIT_ONCE
        jmp sleep
exit:   lea 43(%rbx), %rax
        mov %rax, %gs:argument0
        movq $0, %gs:argument1
        out %eax, $EXIT
triple: int3
        END 0
wrong:  out %al, $0xee
        END 0
.bss
started: .skip 4
