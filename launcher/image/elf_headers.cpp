// SPDX-License-Identifier: Apache-2.0
#include "launcher/image/elf_headers.hpp"

#include <array>
#include <cstring>

#include "launcher/image/parse_image.hpp"
#include "launcher/image/refuse.hpp"

namespace husk::image {

namespace {

using host::ExitCode;

void check_identity(const ByteSource& source, std::string_view name) {
    std::array<unsigned char, EI_NIDENT> identity{};
    const std::uint64_t there = std::min<std::uint64_t>(source.size_bytes(), identity.size());
    source.copy_out(0, std::as_writable_bytes(std::span(identity)).first(there));
    if (there < SELFMAG || std::memcmp(identity.data(), ELFMAG, SELFMAG) != 0) {
        refuse(ExitCode::not_elf, name, "is not an ELF file; give a program built with husk-c++");
    }
    if (there < identity.size()) refuse(ExitCode::truncated_elf, name, "ends inside its ELF header; build it again");
    if (identity[EI_CLASS] == ELFCLASS32) {
        refuse(ExitCode::wrong_machine, name, "is a 32-bit program; build it for x86-64 with husk-c++");
    }
    if (identity[EI_CLASS] != ELFCLASS64 || identity[EI_DATA] != ELFDATA2LSB || identity[EI_VERSION] != EV_CURRENT) {
        refuse(ExitCode::wrong_machine, name,
               "is not a 64-bit little-endian ELF file; build it for x86-64 with husk-c++");
    }
}

void check_header(const Elf64_Ehdr& header, std::string_view name) {
    if (header.e_machine != EM_X86_64) {
        refuse(ExitCode::wrong_machine, name,
               "is for another processor (ELF machine {}); build it for x86-64 with husk-c++", header.e_machine);
    }
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
        refuse(ExitCode::wrong_machine, name, "is not an executable (ELF type {}); link it with husk-c++",
               header.e_type);
    }
    if (header.e_version != EV_CURRENT || header.e_ehsize < sizeof(Elf64_Ehdr)) {
        refuse(ExitCode::wrong_machine, name, "has an ELF header of an unknown version; link it with husk-c++");
    }
    if (header.e_phnum == 0) {
        refuse(ExitCode::bad_segments, name, "has no program headers; link it with husk-c++");
    }
    if (header.e_phnum > program_headers_max || header.e_phentsize != sizeof(Elf64_Phdr)) {
        refuse(ExitCode::bad_segments, name,
               "has {} program headers of {} bytes, expected at most {} of {}; link it with husk-c++", header.e_phnum,
               header.e_phentsize, program_headers_max, sizeof(Elf64_Phdr));
    }
}

// A static-PIE has PT_DYNAMIC too but no interpreter: it needs another switch, so it gets another sentence.
void check_static(const Elf64_Ehdr& header, const std::vector<Elf64_Phdr>& program_headers, std::string_view name) {
    bool dynamic = false;
    for (const Elf64_Phdr& program_header : program_headers) {
        if (program_header.p_type == PT_INTERP) {
            refuse(ExitCode::dynamic_elf, name, "is dynamically linked; build it with husk-c++ or link with -static");
        }
        dynamic = dynamic || program_header.p_type == PT_DYNAMIC;
    }
    if (header.e_type == ET_DYN) {
        refuse(ExitCode::dynamic_elf, name,
               "is a shared library or position-independent; build it with husk-c++ or link with -static -no-pie");
    }
    if (dynamic) {
        refuse(ExitCode::dynamic_elf, name,
               "has a dynamic section; build it with husk-c++ or link with -static -no-pie");
    }
}

}  // namespace

ElfHeaders parse_elf_headers(const ByteSource& source, std::string_view name) {
    check_identity(source, name);
    if (!source.contains(0, sizeof(Elf64_Ehdr))) {
        refuse(ExitCode::truncated_elf, name, "ends inside its ELF header; build it again");
    }
    const auto header = source.read<Elf64_Ehdr>(0);
    check_header(header, name);

    const std::uint64_t table_bytes = std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr);
    if (!source.contains(header.e_phoff, table_bytes)) {
        refuse(ExitCode::truncated_elf, name, "ends before its program headers do; build it again");
    }
    ElfHeaders headers{header.e_entry, std::vector<Elf64_Phdr>(header.e_phnum)};
    source.copy_out(header.e_phoff, std::as_writable_bytes(std::span(headers.program_headers)));
    check_static(header, headers.program_headers, name);
    return headers;
}

}  // namespace husk::image
