// SPDX-License-Identifier: Apache-2.0
// A stand-in for the guest runtime on Linux: the same note and patch room, but its entries ask the host's kernel. With it a
// program can apply its own patch table and run every patched site natively.

    .section .note.husk, "a", @note
    .balign 4
    .long 5, 64, 1
    .asciz "Husk"
    .balign 4
    .long NATIVE_ABI_NUMBER, 64
    .quad native_entry, native_text_begin, native_text_end, native_entry, native_entry, native_entry, native_patch_table

    .section .rodata
    .balign 8
native_patch_table:
    .ascii "HUSKPTCH"
    .long NATIVE_CAPACITY, 0
    .quad stub_room
    .long NATIVE_ROOM_BYTES, 0
    .quad native_syscall, native_cpuid
    .long 0, 0
    .skip NATIVE_CAPACITY * 12

    .text
    .balign 16
native_text_begin:
native_entry:
    ud2

// In: rcx = return address, everything else as at `syscall`. The kernel overwrites rcx; the stack is the caller's and a new
// thread has another, so the address waits in an MMX register, which the kernel hands on to a child too.
    .type native_syscall, @function
native_syscall:
    mov native_syscall_count(%rip), %r11
    lea 1(%r11), %r11
    mov %r11, native_syscall_count(%rip)
    movq %rcx, %mm7
    syscall
    movq %mm7, %rcx
    emms
    jmp *%rcx
    .size native_syscall, . - native_syscall

    .type native_cpuid, @function
native_cpuid:
    cpuid
    ret
    .size native_cpuid, . - native_cpuid

    .balign 16
stub_room:
    .skip NATIVE_ROOM_BYTES, 0xcc
native_text_end:

    .bss
    .balign 8
    .globl native_syscall_count
native_syscall_count:
    .skip 8

    .section .note.GNU-stack, "", @progbits
