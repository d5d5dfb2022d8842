// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/core_file.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launcher/host/errno_error.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::report {

namespace {

class CoreWriter final {
public:
    CoreWriter(const std::filesystem::path& path, std::uint64_t budget_bytes)
        : name_(path.native()),
          budget_bytes_(budget_bytes),
          file_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
        if (!file_.is_open()) fail();
    }

    void write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const ssize_t written = pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) fail();
            offset += static_cast<std::uint64_t>(written);
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        }
    }

    // Stores the mapping's present pages from file offset `begin` on; returns the bytes up to the end of the last one.
    std::uint64_t write_mapping(const abi::CrashMapping& mapping, const GuestPages& pages, std::uint64_t begin) {
        std::uint64_t used = 0;
        pages.for_each_page({mapping.begin}, {mapping.end}, [&](const GuestPage& page) {
            if (page.bytes.size() > budget_bytes_) return false;
            budget_bytes_ -= page.bytes.size();
            const std::uint64_t offset = page.begin.value - mapping.begin;
            write_at(begin + offset, page.bytes);
            used = offset + page.bytes.size();
            return true;
        });
        return used;
    }

    void set_size(std::uint64_t size_bytes) {
        if (ftruncate(file_.get(), static_cast<off_t>(size_bytes)) != 0) fail();
    }

private:
    [[noreturn]] void fail() const { throw host::errno_error("cannot write the core file " + name_); }

    std::string name_;
    std::uint64_t budget_bytes_;
    host::FileDescriptor file_;
};

Elf64_Ehdr make_header(std::size_t program_headers) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_CORE;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_phoff = sizeof(Elf64_Ehdr);
    header.e_ehsize = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<Elf64_Half>(program_headers);
    return header;
}

Elf64_Word segment_flags(std::uint32_t protection) {
    Elf64_Word flags = 0;
    if ((protection & PROT_READ) != 0) flags |= PF_R;
    if ((protection & PROT_WRITE) != 0) flags |= PF_W;
    if ((protection & PROT_EXEC) != 0) flags |= PF_X;
    return flags;
}

}  // namespace

void write_core_file(const std::filesystem::path& path, const Crash& crash, const GuestPages& pages,
                     std::span<const std::byte> notes, std::uint64_t memory_bytes) {
    CoreWriter writer(path, 2 * memory_bytes);
    std::vector<Elf64_Phdr> headers(1 + crash.mappings.size());
    const std::uint64_t notes_begin = sizeof(Elf64_Ehdr) + headers.size() * sizeof(Elf64_Phdr);
    headers[0].p_type = PT_NOTE;
    headers[0].p_offset = notes_begin;
    headers[0].p_filesz = notes.size();
    headers[0].p_align = sizeof(Elf64_Word);

    std::uint64_t end = notes_begin + notes.size();
    for (std::size_t i = 0; i < crash.mappings.size(); ++i) {
        const abi::CrashMapping& mapping = crash.mappings[i];
        Elf64_Phdr& header = headers[i + 1];
        header.p_type = PT_LOAD;
        header.p_flags = segment_flags(mapping.protection);
        header.p_offset = abi::align_up(end, abi::page_size);
        header.p_vaddr = mapping.begin;
        header.p_memsz = mapping.end - mapping.begin;
        header.p_align = abi::page_size;
        header.p_filesz = writer.write_mapping(mapping, pages, header.p_offset);
        if (header.p_filesz != 0) end = header.p_offset + header.p_filesz;
    }
    const Elf64_Ehdr elf = make_header(headers.size());
    writer.write_at(0, std::as_bytes(std::span(&elf, 1)));
    writer.write_at(sizeof(elf), std::as_bytes(std::span(headers)));
    writer.write_at(notes_begin, notes);
    writer.set_size(end);
}

}  // namespace husk::report
