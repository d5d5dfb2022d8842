/* SPDX-License-Identifier: Apache-2.0 */
/* How an image presents itself: the note that launchers read, and the room that the image tool fills. */

#include "guest-runtime/arch/entry_offsets.h"

/* All of glibc has 570 such sites, a large program takes in half of them; a stub has 17 bytes. */
#define STUB_ROOM_BYTES 11264
#define PATCH_CAPACITY 640

    .section .note.husk, "a", @note
    .balign 4
    .long 2f - 1f, 4f - 3f, 1
1:  .asciz "Husk"
2:  .balign 4
3:  .long ABI_NUMBER, 4f - 3b
    .quad husk_entry
    .quad husk_runtime_text_begin
    .quad husk_runtime_text_end
    .quad husk_trap_stubs
    .quad husk_syscall_trap
    .quad husk_upcall
    .quad husk_patch_table
4:

    .section .rodata.husk_patch_table, "a", @progbits
    .balign 8
    .globl husk_patch_table
husk_patch_table:
    .quad 0x484354504b535548
    .long PATCH_CAPACITY, 0
    .quad husk_stub_room
    .long STUB_ROOM_BYTES, 0
    .quad husk_syscall_entry
    .quad husk_cpuid_entry
    .long 0, 0
    .space PATCH_CAPACITY * 12

    .section .husk.stubs, "ax", @progbits
    .balign 64
    .globl husk_stub_room
husk_stub_room:
    .space STUB_ROOM_BYTES, 0xcc

    .section .note.GNU-stack, "", @progbits
