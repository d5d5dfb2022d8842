// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/elf_file.hpp"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>

#include "toolchain/image/elf_handle.hpp"
#include "toolchain/image/error.hpp"

namespace husk::toolchain {
namespace {

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in || std::filesystem::is_directory(path)) throw Error(path.string() + " cannot be read");
    return {std::istreambuf_iterator<char>(in), {}};
}

void check_header(Elf* elf, std::size_t size, const std::string& name) {
    if (elf == nullptr || elf_kind(elf) != ELF_K_ELF) throw Error(name + " is not an ELF file");
    GElf_Ehdr header;
    if (gelf_getehdr(elf, &header) == nullptr) throw Error(name + " has a damaged ELF header");
    if (header.e_machine != EM_X86_64 || header.e_ident[EI_CLASS] != ELFCLASS64) {
        throw Error(name + " is not a 64-bit x86 program: build it without -m32 and the like");
    }
    if (header.e_type == ET_REL) throw Error(name + " is an object file: link it into a program first");
    if (header.e_type == ET_DYN) {
        throw Error(name + " is position-independent or a shared library: link it with -static -no-pie");
    }
    if (header.e_type != ET_EXEC) throw Error(name + " is not a program");
    const std::uint64_t tables_end = std::max(header.e_phoff + std::uint64_t{header.e_phnum} * header.e_phentsize,
                                              header.e_shoff + std::uint64_t{header.e_shnum} * header.e_shentsize);
    if (tables_end > size) throw Error(name + " is truncated");
}

}  // namespace

bool Section::is_loaded() const { return (flags & SHF_ALLOC) != 0; }
bool Section::is_code() const { return is_loaded() && (flags & SHF_EXECINSTR) != 0 && type == SHT_PROGBITS; }

ElfFile ElfFile::read(const std::filesystem::path& path) {
    const std::string name = path.string();
    ElfFile file;
    file.bytes_ = read_file(path);
    elf_version(EV_CURRENT);
    // SAFETY: libelf takes a char* to the same bytes; the vector outlives the handle and is not written through it.
    const ElfHandle elf(elf_memory(reinterpret_cast<char*>(file.bytes_.data()), file.bytes_.size()));
    check_header(elf.get(), file.bytes_.size(), name);
    file.read_segments(elf.get(), name);
    file.read_sections(elf.get());
    file.read_symbols(elf.get());
    file.read_relocations(elf.get());
    return file;
}

void ElfFile::read_segments(void* handle, const std::string& name) {
    Elf* elf = static_cast<Elf*>(handle);
    std::size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0) throw Error(name + " has damaged program headers");
    for (std::size_t i = 0; i < count; ++i) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr)
            throw Error(name + " has damaged program headers");
        if (header.p_type == PT_INTERP || header.p_type == PT_DYNAMIC) {
            throw Error(name + " is dynamically linked: link it with -static");
        }
        if (header.p_offset > bytes_.size() || header.p_filesz > bytes_.size() - header.p_offset) {
            throw Error(name + " is truncated");
        }
        if (header.p_type == PT_LOAD) {
            segments_.push_back({header.p_offset, header.p_vaddr, header.p_filesz});
            continue;
        }
        if (header.p_type != PT_NOTE) continue;
        Elf_Data* data = elf_getdata_rawchunk(elf, static_cast<std::int64_t>(header.p_offset), header.p_filesz,
                                              header.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
        GElf_Nhdr note;
        std::size_t name_at = 0;
        std::size_t descriptor_at = 0;
        for (std::size_t at = 0;
             data != nullptr && (at = gelf_getnote(data, at, &note, &name_at, &descriptor_at)) > 0;) {
            const auto* base = static_cast<const std::uint8_t*>(data->d_buf);
            std::string owner(base + name_at, base + name_at + note.n_namesz);
            if (!owner.empty() && owner.back() == '\0') owner.pop_back();
            notes_.push_back({owner, note.n_type, {base + descriptor_at, base + descriptor_at + note.n_descsz}});
        }
    }
}

void ElfFile::read_sections(void* handle) {
    Elf* elf = static_cast<Elf*>(handle);
    std::size_t names = 0;
    if (elf_getshdrstrndx(elf, &names) != 0) throw Error("the section headers are damaged or were stripped");
    sections_.resize(1);
    for (Elf_Scn* scn = nullptr; (scn = elf_nextscn(elf, scn)) != nullptr;) {
        GElf_Shdr header;
        if (gelf_getshdr(scn, &header) == nullptr) throw Error("a section header is damaged");
        const char* name = elf_strptr(elf, names, header.sh_name);
        Section section{name != nullptr ? name : "", header.sh_type, header.sh_flags, header.sh_addr, {}};
        const std::uint64_t file_bytes = header.sh_type == SHT_NOBITS ? 0 : header.sh_size;
        if (header.sh_offset > bytes_.size() || file_bytes > bytes_.size() - header.sh_offset) {
            throw Error("section " + section.name + " lies outside the file");
        }
        if (file_bytes != 0) {
            section.bytes = std::span(bytes_).subspan(header.sh_offset, header.sh_size);
        }
        sections_.push_back(std::move(section));
    }
}

void ElfFile::read_symbols(void* handle) {
    Elf* elf = static_cast<Elf*>(handle);
    for (Elf_Scn* scn = nullptr; (scn = elf_nextscn(elf, scn)) != nullptr;) {
        GElf_Shdr header;
        gelf_getshdr(scn, &header);
        if (header.sh_type != SHT_SYMTAB || header.sh_entsize == 0) continue;
        Elf_Data* data = elf_getdata(scn, nullptr);
        for (std::uint64_t i = 0; data != nullptr && i < header.sh_size / header.sh_entsize; ++i) {
            GElf_Sym symbol;
            if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) throw Error("a symbol is damaged");
            const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
            const auto type = static_cast<std::uint8_t>(GELF_ST_TYPE(symbol.st_info));
            symbols_.push_back({name != nullptr ? name : "", symbol.st_value, type});
        }
    }
}

void ElfFile::read_relocations(void* handle) {
    Elf* elf = static_cast<Elf*>(handle);
    for (Elf_Scn* scn = nullptr; (scn = elf_nextscn(elf, scn)) != nullptr;) {
        GElf_Shdr header;
        gelf_getshdr(scn, &header);
        // Loaded ones (IRELATIVE) belong to the program, the others are ld's.
        if (header.sh_type != SHT_RELA || (header.sh_flags & SHF_ALLOC) != 0 || header.sh_entsize == 0) continue;
        has_emitted_relocations_ = true;
        if (header.sh_info >= sections_.size() || !sections_[header.sh_info].is_loaded()) continue;
        Elf_Data* data = elf_getdata(scn, nullptr);
        for (std::uint64_t i = 0; data != nullptr && i < header.sh_size / header.sh_entsize; ++i) {
            GElf_Rela record;
            if (gelf_getrela(data, static_cast<int>(i), &record) == nullptr) throw Error("a relocation is damaged");
            const std::size_t symbol = GELF_R_SYM(record.r_info);
            if (symbol >= symbols_.size()) throw Error("a relocation names a symbol that is not there");
            relocations_.push_back({header.sh_info, record.r_offset,
                                    symbols_[symbol].address + static_cast<std::uint64_t>(record.r_addend),
                                    static_cast<std::uint32_t>(GELF_R_TYPE(record.r_info))});
        }
    }
}

std::optional<std::size_t> ElfFile::find_offset(std::uint64_t address, std::uint64_t size) const {
    for (const Segment& segment : segments_) {
        if (address < segment.address || address - segment.address > segment.file_bytes) continue;
        const std::uint64_t inside = address - segment.address;
        if (size <= segment.file_bytes - inside) return segment.offset + inside;
    }
    return {};
}

}  // namespace husk::toolchain
