/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that entry.S shares with C++; entry_offsets_check.cpp proves them. */
#pragma once

#define SELECTOR_USER_DATA 0x2b
#define SELECTOR_USER_CODE 0x33
#define EXCEPTION_VECTORS 32
#define INTERRUPT_VECTORS 32
#define USER_RFLAGS 0x3202
/* DF, NT and AC: what the application may set and the runtime must not have [sdm1 3.4.3]. */
#define UNWELCOME_RFLAGS 0x44400
#define SYSCALL_COUNT 472
#define ABI_NUMBER 7

#define CONTEXT_R10 56
#define CONTEXT_R9 64
#define CONTEXT_R8 72
#define CONTEXT_RAX 80
#define CONTEXT_RDX 96
#define CONTEXT_RSI 104
#define CONTEXT_RDI 112
#define CONTEXT_RIP 128
#define CONTEXT_RFLAGS 144
#define CONTEXT_RSP 152

#define GS_ATTENTION 48
#define GS_KERNEL_STACK 64
#define GS_UPCALL_RIP 72
#define GS_UPCALL_RSP 80
#define GS_UPCALL_RFLAGS 88
#define GS_SCRATCH0 1024
#define GS_SCRATCH1 1032
#define GS_SCRATCH2 1040
#define GS_SCRATCH_SYSCALL 1048 /* interrupts, which may come meanwhile, use the others */
#define GS_CURRENT 1056
#define GS_FRAME_PLAIN 1072
#define GS_FRAME_ERROR 1080
#define GS_FRAME_PAGE_FAULT 1088
#define GS_EMERGENCY_STACK 1096
#define GS_FRAME_INTERRUPT 1264
#define GS_INTERRUPT_STACK 1272
#define GS_INTERRUPT_RCX 1280
#define GS_RING0_FRAME 1288
#define GS_WAIT_VECTOR 1296

/* The ring-0 stack ends at 0x3000 behind the mailbox: ss, rsp, rflags, cs, rip, then error code and vector. */
#define GS_RING0_RSP 0x2ff0
#define GS_RING0_RFLAGS 0x2fe8
#define GS_RING0_RIP 0x2fd8
#define GS_RING0_PLAIN_VECTOR 0x2fd0
#define GS_RING0_ERROR 0x2fd0
#define GS_RING0_ERROR_VECTOR 0x2fc8

#define THREAD_WORK 0

#define CPUID_LEAF 0
#define CPUID_SUBLEAF 4
#define CPUID_SUBLEAF_MATTERS 8
#define CPUID_EAX 12
#define CPUID_EBX 16
#define CPUID_ECX 20
#define CPUID_EDX 24
#define CPUID_ENTRY_BYTES 28
