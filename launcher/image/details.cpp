// SPDX-License-Identifier: Apache-2.0
#include "launcher/image/details.hpp"

#include <gelf.h>
#include <libelf.h>

#include <string_view>

#include "launcher/host/error.hpp"
#include "launcher/image/elf_handle.hpp"
#include "launcher/image/notes.hpp"

namespace husk::image {

namespace {

constexpr std::uint32_t xen_note_phys32_entry = 18;  // XEN_ELFNOTE_PHYS32_ENTRY

std::optional<std::uint32_t> find_pvh_entry(Elf* elf) {
    std::size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0) return std::nullopt;
    for (std::size_t i = 0; i < count; ++i) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr || header.p_type != PT_NOTE) continue;
        const Elf_Data* data =
            elf_getdata_rawchunk(elf, static_cast<std::int64_t>(header.p_offset), header.p_filesz, ELF_T_BYTE);
        if (data == nullptr) continue;
        const std::span notes(static_cast<const std::byte*>(data->d_buf), data->d_size);
        const auto entry = find_note(notes, header.p_align == 8 ? 8 : 4, "Xen", xen_note_phys32_entry);
        if (!entry || entry->size() < sizeof(std::uint32_t)) continue;
        std::uint32_t address = 0;
        std::copy_n(entry->begin(), sizeof(address), std::as_writable_bytes(std::span(&address, 1)).begin());
        return address;
    }
    return std::nullopt;
}

void read_sections(Elf* elf, Details& details) {
    std::size_t names = 0;
    if (elf_getshdrstrndx(elf, &names) != 0) return;
    for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr; section = elf_nextscn(elf, section)) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == nullptr) continue;
        const char* text = elf_strptr(elf, names, header.sh_name);
        const std::string_view name = text != nullptr ? text : "";
        details.symbols = details.symbols || header.sh_type == SHT_SYMTAB;
        // glibc's own objects bring .debug_info of a few bytes on some systems; line tables come only from -g.
        details.line_numbers = details.line_numbers || name == ".debug_line" || name == ".zdebug_line";
        details.unwind_table = details.unwind_table || name == ".eh_frame_hdr";
    }
}

}  // namespace

Details read_details(const Image& image) {
    const ElfHandle elf = open_elf(image.file);
    if (elf == nullptr) {
        throw host::Error(host::ExitCode::not_elf, std::string("libelf cannot read the image: ") + elf_errmsg(-1));
    }
    Details details;
    details.pvh_entry = find_pvh_entry(elf.get());
    read_sections(elf.get(), details);
    return details;
}

}  // namespace husk::image
