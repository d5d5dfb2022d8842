// SPDX-License-Identifier: Apache-2.0
// The ELF note by which an image tells a launcher how to start it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::abi {

inline constexpr char note_name[] = "Husk";  // in a PT_NOTE, 4-byte aligned
inline constexpr std::uint32_t note_type_image = 1;
inline constexpr std::uint64_t trap_stub_stride_bytes = 32;

// Descriptor of the note. All addresses are virtual and lie in the image.
struct [[gnu::packed]] ImageNote {
    std::uint32_t abi_number;
    std::uint32_t size_bytes;
    std::uint64_t entry;               // first instruction, ring 3, rdi = virtual address of BootInfo
    std::uint64_t runtime_text_begin;  // code in which a vCPU is never pre-empted
    std::uint64_t runtime_text_end;
    std::uint64_t trap_stubs;    // IDT vector v -> trap_stubs + v * trap_stub_stride_bytes, v < exception_vectors
    std::uint64_t syscall_trap;  // LSTAR
    std::uint64_t upcall;        // pre-emption, see VcpuMailbox
    std::uint64_t patch_table;   // PatchTable
};
static_assert(sizeof(ImageNote) == 64);

}  // namespace husk::abi
