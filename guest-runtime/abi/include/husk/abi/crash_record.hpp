// SPDX-License-Identifier: Apache-2.0
// What a dying guest tells its launcher: why, and every thread's registers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::abi {

// General registers in the order of Linux's user_regs_struct, so that a core file's NT_PRSTATUS takes them as they are.
struct CrashRegisters {
    std::uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    std::uint64_t orig_rax, rip, cs, rflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};
static_assert(sizeof(CrashRegisters) == 27 * 8);

struct CrashThread {
    std::uint32_t tid;
    std::uint32_t wishes;     // 0; the launcher's answer to a StopRecord: see namespace wish
    char name[16];            // NUL-terminated comm
    std::uint64_t xsave_gpa;  // of its XSAVE image in standard format, 0: none
    CrashRegisters registers;
};
static_assert(sizeof(CrashThread) == 32 + 27 * 8);

// A mapped range of the address space, for the core file's PT_LOADs. Frames are found by walking the page tables.
struct CrashMapping {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint32_t protection;  // PROT_READ | PROT_WRITE | PROT_EXEC
    std::uint32_t reserved;
};
static_assert(sizeof(CrashMapping) == 24);

enum class CrashKind : std::uint32_t {
    signal = 1,  // the application died of a signal
    panic = 2,   // the runtime itself failed
};

struct CrashRecord {
    CrashKind kind;
    std::uint32_t signal;      // Linux number
    std::int32_t signal_code;  // si_code
    std::uint32_t thread_count;
    std::uint64_t fault_address;  // si_addr
    std::uint64_t threads_gpa;    // CrashThread[thread_count]; the first is the one that died
    std::uint64_t mappings_gpa;   // CrashMapping[mapping_count], by address
    std::uint32_t mapping_count;
    std::uint32_t message_bytes;
    std::uint64_t message_gpa;  // text of a panic, or a note to print with the signal
};
static_assert(sizeof(CrashRecord) == 56);

}  // namespace husk::abi
