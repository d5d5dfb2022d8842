// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_patches.hpp"

#include <elf.h>

#include <husk/abi/patch_table.hpp>

#include "guest-runtime/base/string.hpp"
#include "guest-runtime/boot/own_image.hpp"
#include "guest-runtime/boot/pvh_failure.hpp"
#include "guest-runtime/boot/pvh_start_info.hpp"

extern "C" std::byte husk_patch_table[];  // image_note.S: the table, then room for its entries

namespace husk::boot::pvh {

namespace {

constexpr std::uint8_t jump_bytes = 5, longest_site_bytes = 32;

bool is_code(std::uint64_t begin, std::uint64_t size_bytes) {
    for (const Elf64_Phdr& header : program_headers()) {
        if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
        if (begin >= header.p_vaddr && begin + size_bytes <= header.p_vaddr + header.p_filesz) return true;
    }
    return false;
}

void apply(const abi::PatchEntry& entry) {
    bool is_right = entry.length >= jump_bytes && entry.length <= longest_site_bytes &&
                    is_code(entry.site, entry.length) && is_code(entry.stub, 1);
    if (!is_right) fail("the image's patch table is wrong; link the image again");
    auto* site = pointer_to<std::uint8_t>(entry.site);
    const std::uint32_t distance = entry.stub - (entry.site + jump_bytes);
    site[0] = 0xe9;  // jmp rel32
    memcpy(site + 1, &distance, sizeof distance);
    memset(site + jump_bytes, 0x90, entry.length - std::size_t{jump_bytes});
}

}  // namespace

void apply_patches() {
    // SAFETY: the table lies there, 8-byte aligned; behind the header, room for `capacity` entries.
    auto& table = *reinterpret_cast<abi::PatchTable*>(husk_patch_table);
    const auto* entries = reinterpret_cast<const abi::PatchEntry*>(husk_patch_table + sizeof table);
    if (table.magic != abi::patch_table_magic || table.state != 0 || table.count > table.capacity) return;
    for (std::uint32_t i = 0; i < table.count; ++i) apply(entries[i]);
    table.state = 1;
}

}  // namespace husk::boot::pvh
