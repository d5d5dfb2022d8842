# SPDX-License-Identifier: Apache-2.0
# Spins in application code until the upcall has come ten times, each from there and with all registers as they were.
.set own_upcall, 1
#include "guest.inc"
upcall: mov %rax, %gs:guest_private
        mov %gs:upcall_rip, %rax
        cmp $spin_begin, %rax
        jb bad
        cmp $spin_end, %rax
        jae bad
        xor %eax, %eax
        xchg %eax, %gs:attention
        cmp $1, %eax                    # attention::tick
        jne bad
        incl ticks
        # back: rflags, then rip, from the stack that was left
        mov %gs:upcall_rsp, %rsp
        sub $128, %rsp
        pushq %gs:upcall_rip
        pushq %gs:upcall_rflags
        mov %gs:guest_private, %rax
        popfq
        ret $128
bad:    END 1
        APPLICATION
        mov $stack_end, %eax
        mov %rax, %gs:upcall_stack
        mov $0x1234, %ebx
        mov %rsp, %rbp
        std
spin_begin:
        movl $1, %gs:want_tick
1:      inc %rcx
        cmp $0x1234, %ebx
        jne bad2
        cmp %rsp, %rbp
        jne bad2
        cmpl $10, ticks
        jb 1b
        movl $0, %gs:want_tick
        pushfq
        pop %rax
        test $0x400, %eax               # DF survived
        jz bad2
        cld
        END 0
spin_end:
bad2:   END 2
.bss
ticks:  .skip 8
        .skip 4096
stack_end:
