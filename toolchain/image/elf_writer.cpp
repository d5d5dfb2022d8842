// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/elf_writer.hpp"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "toolchain/image/elf_handle.hpp"
#include "toolchain/image/error.hpp"

namespace husk::toolchain {
namespace {

// A file that is removed again unless it was put in place.
class PendingFile {
public:
    PendingFile(std::filesystem::path target, mode_t mode) : target_(std::move(target)) {
        name_ = target_.string() + ".XXXXXX";
        fd_ = mkstemp(name_.data());
        if (fd_ < 0 || fchmod(fd_, mode) != 0) fail();
    }
    PendingFile(const PendingFile&) = delete;
    PendingFile& operator=(const PendingFile&) = delete;
    ~PendingFile() {
        if (fd_ >= 0) close(fd_);
        if (!placed_) unlink(name_.c_str());
    }

    [[nodiscard]] int fd() const { return fd_; }
    void put_in_place() {
        if (std::rename(name_.c_str(), target_.c_str()) != 0) fail();
        placed_ = true;
    }
    [[noreturn]] void fail() const { throw Error(target_.string() + " cannot be written: " + std::strerror(errno)); }

private:
    std::filesystem::path target_;
    std::string name_;
    int fd_ = -1;
    bool placed_ = false;
};

[[noreturn]] void fail_in_libelf() { throw Error(std::string("libelf cannot rewrite the file: ") + elf_errmsg(-1)); }

constexpr std::uint64_t max_alignment = 65536;  // of a section that is not loaded; ld gives 16 at most

class Rewriter {
public:
    Rewriter(Elf* in, Elf* out) : in_(in), out_(out) {}

    void run() {
        if (gelf_getehdr(in_, &header_) == nullptr || gelf_newehdr(out_, ELFCLASS64) == nullptr) fail_in_libelf();
        elf_flagelf(out_, ELF_C_SET, ELF_F_LAYOUT);
        copy_program_headers();
        number_sections();
        for (Elf_Scn* scn = nullptr; (scn = elf_nextscn(in_, scn)) != nullptr;) copy_section(scn);
        if (header_.e_shstrndx >= new_index_.size()) fail_in_libelf();
        header_.e_shoff = align_up(end_, 8);
        header_.e_shstrndx = static_cast<GElf_Half>(new_index_[header_.e_shstrndx]);
        header_.e_shnum = static_cast<GElf_Half>(kept_);
        gelf_update_ehdr(out_, &header_);
        if (elf_update(out_, ELF_C_WRITE) < 0) fail_in_libelf();
    }

private:
    static std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
        return alignment <= 1 ? value : (value + alignment - 1) / alignment * alignment;
    }
    static bool is_loaded(const GElf_Shdr& section) { return (section.sh_flags & SHF_ALLOC) != 0; }
    static bool is_dropped(const GElf_Shdr& section) { return section.sh_type == SHT_RELA && !is_loaded(section); }

    void copy_program_headers() {
        if (gelf_newphdr(out_, header_.e_phnum) == nullptr) fail_in_libelf();
        end_ = header_.e_phoff + std::uint64_t{header_.e_phnum} * header_.e_phentsize;
        for (int i = 0; i < header_.e_phnum; ++i) {
            GElf_Phdr segment;
            if (gelf_getphdr(in_, i, &segment) == nullptr || gelf_update_phdr(out_, i, &segment) == 0) fail_in_libelf();
            end_ = std::max(end_, segment.p_offset + segment.p_filesz);
        }
    }

    void number_sections() {
        new_index_.push_back(0);
        for (Elf_Scn* scn = nullptr; (scn = elf_nextscn(in_, scn)) != nullptr;) {
            GElf_Shdr section;
            if (gelf_getshdr(scn, &section) == nullptr) fail_in_libelf();
            new_index_.push_back(is_dropped(section) ? 0 : kept_++);
        }
    }

    void copy_section(Elf_Scn* scn) {
        GElf_Shdr section;
        gelf_getshdr(scn, &section);
        if (is_dropped(section)) return;
        const bool info_is_section = (section.sh_flags & SHF_INFO_LINK) != 0;
        section.sh_link = renumber(section.sh_link);
        if (info_is_section) section.sh_info = renumber(section.sh_info);
        if (!is_loaded(section)) {
            if (section.sh_addralign > max_alignment) fail_in_libelf();
            section.sh_offset = align_up(end_, section.sh_addralign);
            end_ = section.sh_offset + (section.sh_type == SHT_NOBITS ? 0 : section.sh_size);
        }
        Elf_Scn* copy = elf_newscn(out_);
        Elf_Data* to = copy == nullptr ? nullptr : elf_newdata(copy);
        Elf_Data* from = elf_rawdata(scn, nullptr);
        if (to == nullptr || from == nullptr) fail_in_libelf();
        *to = *from;
        to->d_type = ELF_T_BYTE;
        to->d_off = 0;
        to->d_align = 1;
        if (section.sh_type == SHT_SYMTAB) renumber_symbols(*to);
        if (gelf_update_shdr(copy, &section) == 0) fail_in_libelf();
    }

    GElf_Word renumber(GElf_Word index) const {
        return index < new_index_.size() ? static_cast<GElf_Word>(new_index_[index]) : index;
    }

    void renumber_symbols(Elf_Data& data) {
        const auto* bytes = static_cast<const std::uint8_t*>(data.d_buf);
        symbols_.assign(bytes, bytes + data.d_size);
        for (std::size_t at = 0; at + sizeof(Elf64_Sym) <= symbols_.size(); at += sizeof(Elf64_Sym)) {
            Elf64_Sym symbol;
            std::memcpy(&symbol, &symbols_[at], sizeof symbol);
            if (symbol.st_shndx >= SHN_LORESERVE) continue;
            symbol.st_shndx = static_cast<Elf64_Section>(renumber(symbol.st_shndx));
            std::memcpy(&symbols_[at], &symbol, sizeof symbol);
        }
        data.d_buf = symbols_.data();
    }

    Elf* in_;
    Elf* out_;
    GElf_Ehdr header_{};
    std::vector<std::size_t> new_index_;
    std::size_t kept_ = 1;
    std::uint64_t end_ = 0;
    std::vector<std::uint8_t> symbols_;
};

}  // namespace

void write_without_relocations(std::vector<std::uint8_t> elf_bytes, const std::filesystem::path& path,
                               const std::filesystem::path& mode_of) {
    struct stat status {};
    if (stat(mode_of.c_str(), &status) != 0) throw Error(mode_of.string() + " cannot be read: " + std::strerror(errno));
    PendingFile pending(path, status.st_mode & 0777);
    elf_version(EV_CURRENT);
    // SAFETY: libelf takes a char* to the same bytes; the vector outlives the handle.
    const ElfHandle in(elf_memory(reinterpret_cast<char*>(elf_bytes.data()), elf_bytes.size()));
    {
        const ElfHandle out(elf_begin(pending.fd(), ELF_C_WRITE, nullptr));
        if (!in || !out) fail_in_libelf();
        Rewriter(in.get(), out.get()).run();
    }
    pending.put_in_place();
}

}  // namespace husk::toolchain
