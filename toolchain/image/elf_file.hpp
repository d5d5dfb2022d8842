// SPDX-License-Identifier: Apache-2.0
// A linked ELF executable as plain values, read through libelf.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace husk::toolchain {

struct Section {
    std::string name;
    std::uint32_t type = 0;   // SHT_
    std::uint64_t flags = 0;  // SHF_
    std::uint64_t address = 0;
    std::span<const std::uint8_t> bytes;  // empty for NOBITS

    [[nodiscard]] bool is_loaded() const;
    [[nodiscard]] bool is_code() const;
    [[nodiscard]] bool contains(std::uint64_t a) const { return a >= address && a - address < bytes.size(); }
};

struct Symbol {
    std::string name;
    std::uint64_t address = 0;
    std::uint8_t type = 0;  // STT_
};

// One record that --emit-relocs left.
struct Relocation {
    std::size_t section = 0;    // index into ElfFile::sections of what it relocates
    std::uint64_t address = 0;  // of the relocated bytes
    std::uint64_t target = 0;   // S + A
    std::uint32_t type = 0;     // R_X86_64_
};

struct ElfNote {
    std::string name;
    std::uint32_t type = 0;
    std::vector<std::uint8_t> descriptor;
};

class ElfFile {
public:
    ElfFile(ElfFile&&) = default;
    ElfFile& operator=(ElfFile&&) = default;

    // Throws Error unless it is a static x86-64 executable at fixed addresses.
    static ElfFile read(const std::filesystem::path& path);

    [[nodiscard]] const std::vector<Section>& sections() const { return sections_; }
    [[nodiscard]] const std::vector<Symbol>& symbols() const { return symbols_; }
    [[nodiscard]] const std::vector<Relocation>& relocations() const { return relocations_; }
    [[nodiscard]] const std::vector<ElfNote>& notes() const { return notes_; }
    [[nodiscard]] bool has_emitted_relocations() const { return has_emitted_relocations_; }
    [[nodiscard]] std::span<const std::uint8_t> file_bytes() const { return bytes_; }

    // File offset of `size` bytes at a virtual address; nothing when no segment has them all in the file.
    [[nodiscard]] std::optional<std::size_t> find_offset(std::uint64_t address, std::uint64_t size) const;

private:
    ElfFile() = default;
    struct Segment {
        std::uint64_t offset, address, file_bytes;
    };
    void read_sections(void* elf);
    void read_symbols(void* elf);
    void read_relocations(void* elf);
    void read_segments(void* elf, const std::string& name);

    std::vector<std::uint8_t> bytes_;
    std::vector<Section> sections_;  // by ELF index
    std::vector<Symbol> symbols_;    // by ELF index of .symtab
    std::vector<Relocation> relocations_;
    std::vector<ElfNote> notes_;
    std::vector<Segment> segments_;
    bool has_emitted_relocations_ = false;
};

}  // namespace husk::toolchain
