// SPDX-License-Identifier: Apache-2.0
// A small correct image as bytes, for tests that then break one field.
//
//   0x400000 r--  headers and the note      file offset 0
//   0x401000 r-x  code                      0x1000
//   0x402000 rw-  patch table, then bss     0x2000
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include <husk/abi/image_note.hpp>
#include <husk/abi/patch_table.hpp>
#include <husk/abi/version.hpp>

namespace husk::test {

struct ElfBuilder {
    static constexpr std::uint64_t note_offset = 0x200;
    static constexpr std::uint64_t code = 0x401000;
    static constexpr std::uint64_t data = 0x402000;
    static constexpr std::uint64_t file_bytes = 0x2100;

    Elf64_Ehdr header{};
    std::vector<Elf64_Phdr> segments;
    Elf64_Nhdr note_header{5, sizeof(abi::ImageNote), abi::note_type_image};
    char note_owner[8] = "Husk";
    abi::ImageNote note{};
    abi::PatchTable table{};
    std::vector<abi::PatchEntry> patches;

    ElfBuilder() {
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = ELFCLASS64;
        header.e_ident[EI_DATA] = ELFDATA2LSB;
        header.e_ident[EI_VERSION] = EV_CURRENT;
        header.e_type = ET_EXEC;
        header.e_machine = EM_X86_64;
        header.e_version = EV_CURRENT;
        header.e_entry = code;
        header.e_phoff = sizeof(Elf64_Ehdr);
        header.e_ehsize = sizeof(Elf64_Ehdr);
        header.e_phentsize = sizeof(Elf64_Phdr);
        constexpr std::uint64_t note_bytes = sizeof(Elf64_Nhdr) + 8 + sizeof(abi::ImageNote);
        segments = {{PT_LOAD, PF_R, 0, 0x400000, 0x400000, 0x400, 0x400, 0x1000},
                    {PT_LOAD, PF_R | PF_X, 0x1000, code, code, 0x1000, 0x1000, 0x1000},
                    {PT_LOAD, PF_R | PF_W, 0x2000, data, data, 0x100, 0x3000, 0x1000},
                    {PT_NOTE, PF_R, note_offset, 0x400200, 0x400200, note_bytes, note_bytes, 4}};
        note = {abi::abi_number, sizeof(abi::ImageNote), code, code, code + 0x800, code, code, code, data};
        table = {abi::patch_table_magic, 4, 1, code + 0x900, 0x100, 0x20, code, code, 2, 0};
        patches = {{static_cast<std::uint32_t>(code + 0x10), static_cast<std::uint32_t>(code + 0x900), 7, 1, 0}};
    }

    [[nodiscard]] std::vector<std::byte> build() const {
        std::vector<std::byte> bytes(file_bytes);
        Elf64_Ehdr counted = header;
        if (counted.e_phnum == 0) counted.e_phnum = static_cast<Elf64_Half>(segments.size());
        put(bytes, 0, counted);
        for (std::size_t i = 0; i < segments.size(); ++i)
            put(bytes, sizeof(header) + i * sizeof(Elf64_Phdr), segments[i]);
        put(bytes, note_offset, note_header);
        put(bytes, note_offset + sizeof(note_header), note_owner);
        put(bytes, note_offset + sizeof(note_header) + sizeof(note_owner), note);
        put(bytes, 0x2000, table);
        for (std::size_t i = 0; i < patches.size(); ++i) {
            put(bytes, 0x2000 + sizeof(table) + i * sizeof(abi::PatchEntry), patches[i]);
        }
        return bytes;
    }

private:
    template <class Value>
    static void put(std::vector<std::byte>& bytes, std::uint64_t offset, const Value& value) {
        std::memcpy(bytes.data() + offset, &value, sizeof(value));
    }
};

}  // namespace husk::test
