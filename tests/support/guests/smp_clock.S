# SPDX-License-Identifier: Apache-2.0
# Two vCPUs compare the TSC with the latest value that either has read: it never runs backwards.
#include "guest.inc"
.set ROUNDS, 200000
        APPLICATION
        mov %gs:vcpu_index, %ebx
        test %ebx, %ebx
        jnz begin
        RING1 WAKE, 1
begin:  lock incl ready
1:      pause
        cmpl $2, ready
        jb 1b
        mov $ROUNDS, %r12d
next:   mov latest, %rsi
        lfence
        rdtsc
        shl $32, %rdx
        or %rax, %rdx
        cmp %rsi, %rdx
        jb bad
2:      mov latest, %rax                # latest = max(latest, now)
        cmp %rax, %rdx
        jbe 3f
        lock cmpxchg %rdx, latest
        jne 2b
3:      dec %r12d
        jnz next
        lock incl done
        test %ebx, %ebx
        jz 5f
        RING1 WAKE, 0
4:      WAIT_ONCE
        jmp 4b
5:      cmpl $2, done
        je 6f
        WAIT_ONCE
        jmp 5b
6:      END 0
bad:    END 1
.bss
        .balign 64
latest: .skip 64
ready:  .skip 4
done:   .skip 4
