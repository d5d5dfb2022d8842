/* SPDX-License-Identifier: Apache-2.0 */
/* The way in from a foreign VMM: the note that names it, and the steps from 32-bit code without paging to C++ in ring 0. */

#define STACK_BYTES 16384
#define TABLE_BYTES 4096
#define CODE_SELECTOR 0x10
#define DATA_SELECTOR 0x18
#define CODE32_SELECTOR 0x20
#define EFER 0xc0000080
#define EFER_LME (1 << 8)
#define CR4_PAE (1 << 5)
#define CR0_PG (1 << 31)
#define CR0_PE 1
#define TABLE_BITS 0x23 /* present, writable, accessed */
#define PAGE_BITS 0xe3  /* the same, dirty, 2 MiB */

/* XEN_ELFNOTE_PHYS32_ENTRY. Four-byte aligned: an 8-aligned note is merged with .note.gnu.property, where QEMU does not look. */
    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 8, 18
    .asciz "Xen"
    .quad husk_pvh_start

    .section .text.husk_pvh, "ax", @progbits
    .code32
/* [pvh]: flat 32-bit segments, no paging, interrupts off, ebx = hvm_start_info. */
husk_pvh_start:
    cld
    mov $husk_pvh_stack + STACK_BYTES, %esp
    mov %ebx, %ebp
    mov $husk_pvh_boot, %esi

/* esi is what to call in long mode, with ebp. Other CPUs join here, one at a time. */
husk_pvh_to_long_mode:
    /* The first 4 GiB where they are, in 2 MiB pages, for as long as the real tables are built. */
    movl $husk_pvh_tables + TABLE_BYTES + TABLE_BITS, husk_pvh_tables
    mov $husk_pvh_tables + 2 * TABLE_BYTES + TABLE_BITS, %eax
    mov $husk_pvh_tables + TABLE_BYTES, %edi
    mov $4, %ecx
1:  mov %eax, (%edi)
    add $TABLE_BYTES, %eax
    add $8, %edi
    loop 1b
    mov $PAGE_BITS, %eax
    mov $husk_pvh_tables + 2 * TABLE_BYTES, %edi
    mov $4 * 512, %ecx
2:  mov %eax, (%edi)
    add $2 << 20, %eax
    add $8, %edi
    loop 2b

    mov %cr4, %eax
    or $CR4_PAE, %eax
    mov %eax, %cr4
    mov $husk_pvh_tables, %eax
    mov %eax, %cr3
    mov $EFER, %ecx
    rdmsr
    or $EFER_LME, %eax
    wrmsr
    mov %cr0, %eax
    or $CR0_PG, %eax
    mov %eax, %cr0
    lgdt husk_pvh_gdt_register
    ljmp $CODE_SELECTOR, $3f

    .code64
3:  mov $DATA_SELECTOR, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov %ebp, %edi
    xor %ebp, %ebp
    mov %esi, %eax
    call *%rax
    ud2

/* Another CPU's first code, copied to the begin of a page below 1 MiB: cs says which, ip is 0 [sdm3 9.4.4]. All that it
 * needs lies in the image, where the second half of these lines runs. */
    .code16
    .globl husk_pvh_real_mode, husk_pvh_real_mode_end
husk_pvh_real_mode:
    cli
    lgdtl %cs:real_mode_gdt_register - husk_pvh_real_mode
    mov %cr0, %eax
    or $CR0_PE, %al
    mov %eax, %cr0
    ljmpl $CODE32_SELECTOR, $husk_pvh_protected_mode
real_mode_gdt_register:
    .word husk_pvh_gdt_register - husk_pvh_gdt - 1
    .long husk_pvh_gdt
husk_pvh_real_mode_end:

    .code32
husk_pvh_protected_mode:
    mov $DATA_SELECTOR, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    cld
    mov $husk_pvh_stack + STACK_BYTES, %esp
    mov $husk_pvh_secondary_boot, %esi
    jmp husk_pvh_to_long_mode
    .code64

/* [[noreturn]] void husk_enter_ring3(const BootInfo* info, uint64_t rsp): the first instruction as under our launcher. */
    .globl husk_enter_ring3
husk_enter_ring3:
    push $0x2b
    push %rsi
    push $0x3202
    push $0x33
    push $husk_entry
    xor %eax, %eax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    iretq

    .section .rodata.husk_pvh, "a", @progbits
    .balign 8
/* The first selectors are those of the real table, so that it can replace this one under running code. */
husk_pvh_gdt:
    .quad 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff
husk_pvh_gdt_register:
    .word . - husk_pvh_gdt - 1
    .quad husk_pvh_gdt

    .section .bss.husk_pvh, "aw", @nobits
    .balign 4096
husk_pvh_tables:
    .space 6 * TABLE_BYTES
husk_pvh_stack:
    .space STACK_BYTES

    .section .note.GNU-stack, "", @progbits
