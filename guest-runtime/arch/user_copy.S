/* SPDX-License-Identifier: Apache-2.0 */
/* Access to the application's memory, which may fault at any instruction. */

    .section .text.husk_entry, "ax", @progbits

/* long husk_copy(void* to, const void* from, size_t size): 0, or -1 after a fault that could not be resolved. Uses no stack,
 * so that husk_trap can send it to husk_copy_fault from any instruction. */
    .globl husk_copy, husk_copy_end, husk_copy_fault
    .balign 16
husk_copy:
    mov %rdx, %rcx
    cmp $256, %rdx
    jae 4f
1:  cmp $8, %rcx
    jb 2f
    mov (%rsi), %rax
    mov %rax, (%rdi)
    add $8, %rsi
    add $8, %rdi
    sub $8, %rcx
    jmp 1b
2:  test %rcx, %rcx
    jz 5f
3:  movzbl (%rsi), %eax
    mov %al, (%rdi)
    inc %rsi
    inc %rdi
    dec %rcx
    jnz 3b
    jmp 5f
4:  rep movsb
5:  xor %eax, %eax
    ret
/* long husk_touch32(uint32_t* word): writes it as it is, however others change it; fails as the copy does. */
    .globl husk_touch32
husk_touch32:
    lock orl $0, (%rdi)
    xor %eax, %eax
    ret
husk_copy_end:
husk_copy_fault:
    mov $-1, %rax
    ret

/* long husk_try_load32(const uint32_t* from, uint32_t* to): 0, or -1 after any fault: nothing is faulted in. */
    .globl husk_try_load32
    .balign 16
husk_try_load32:
    mov (%rdi), %eax
    mov %eax, (%rsi)
    xor %eax, %eax
    ret
/* long husk_try_exchange32(uint32_t* word, uint32_t expected, uint32_t desired, uint32_t* seen): the same. */
    .globl husk_try_exchange32, husk_trial_end
husk_try_exchange32:
    mov %esi, %eax
    lock cmpxchg %edx, (%rdi)
    mov %eax, (%rcx)
    xor %eax, %eax
    ret
husk_trial_end:

    .section .note.GNU-stack, "", @progbits
