// SPDX-License-Identifier: Apache-2.0
// Applies a running program's own patch table to itself, as a loader does to an image.
#pragma once

#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <husk/abi/image_note.hpp>
#include <husk/abi/patch_table.hpp>

extern "C" std::uint64_t native_syscall_count;

namespace husk::test {

inline const abi::ImageNote* find_note() {
    const auto* header = reinterpret_cast<const ElfW(Phdr)*>(getauxval(AT_PHDR));
    for (unsigned long i = 0; i < getauxval(AT_PHNUM); ++i) {
        if (header[i].p_type != PT_NOTE || header[i].p_align != 4) continue;
        const auto* at = reinterpret_cast<const char*>(header[i].p_vaddr);
        const char* end = at + header[i].p_memsz;
        while (at < end) {
            const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(at);
            const char* name = at + sizeof *note;
            const char* descriptor = name + (note->n_namesz + 3) / 4 * 4;
            if (note->n_namesz == 5 && std::strcmp(name, abi::note_name) == 0) {
                return reinterpret_cast<const abi::ImageNote*>(descriptor);
            }
            at = descriptor + (note->n_descsz + 3) / 4 * 4;
        }
    }
    std::abort();
}

inline void write_jump(const abi::PatchEntry& entry) {
    auto* site = reinterpret_cast<std::uint8_t*>(std::uintptr_t{entry.site});
    const std::uint32_t displacement = entry.stub - (entry.site + 5);
    std::memset(site, 0x90, entry.length);
    site[0] = 0xe9;
    std::memcpy(site + 1, &displacement, sizeof displacement);
}

// Returns the number of entries applied. Only one thread may run.
inline std::uint32_t apply_own_patch_table() {
    const auto* header = reinterpret_cast<const ElfW(Phdr)*>(getauxval(AT_PHDR));
    const auto* table = reinterpret_cast<const abi::PatchTable*>(find_note()->patch_table);
    const auto* entries = reinterpret_cast<const abi::PatchEntry*>(table + 1);
    if (table->magic != abi::patch_table_magic) std::abort();
    for (unsigned long i = 0; i < getauxval(AT_PHNUM); ++i) {
        if (header[i].p_type != PT_LOAD || (header[i].p_flags & PF_X) == 0) continue;
        auto* begin = reinterpret_cast<void*>(header[i].p_vaddr & ~0xfffull);
        const std::size_t size = (header[i].p_vaddr & 0xfff) + header[i].p_memsz;
        if (mprotect(begin, size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) std::abort();
    }
    for (std::uint32_t i = 0; i < table->count; ++i) write_jump(entries[i]);
    return table->count;
}

}  // namespace husk::test
