// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/own_image.hpp"

#include <algorithm>
#include <array>

#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/memory/late_relro.hpp"
#include "guest-runtime/memory/program_memory.hpp"

extern "C" {
extern const Elf64_Ehdr __ehdr_start;  // the linker's: the header as mapped with the first segment
}

namespace husk::boot {

const Elf64_Ehdr& image_header() { return __ehdr_start; }

std::span<const Elf64_Phdr> program_headers() {
    // SAFETY: the first segment maps header and program headers alike (the launcher checks that they lie in the file).
    auto first = reinterpret_cast<std::uint64_t>(&__ehdr_start) + __ehdr_start.e_phoff;
    return {reinterpret_cast<const Elf64_Phdr*>(first), __ehdr_start.e_phnum};
}

void adopt_own_segments() {
    std::array<memory::ImageSegment, 32> segments;  // each PT_LOAD may have two parts
    std::size_t count = 0;
    for (const Elf64_Phdr& header : program_headers()) {
        // As glibc rounds it before it asks for the protection.
        if (header.p_type == PT_GNU_RELRO) {
            memory::note_relro_range(abi::align_down(header.p_vaddr, abi::page_size),
                                     abi::align_down(header.p_vaddr + header.p_memsz, abi::page_size));
        }
        if (header.p_type != PT_LOAD || header.p_memsz == 0) continue;
        check(count + 2 <= segments.size(), "the image has more than 16 segments");
        memory::Protection protection = ((header.p_flags & PF_R) != 0 ? 1u : 0u) |
                                        ((header.p_flags & PF_W) != 0 ? 2u : 0u) |
                                        ((header.p_flags & PF_X) != 0 ? 4u : 0u);
        const std::uint64_t end = header.p_vaddr + header.p_memsz;
        const std::uint64_t zeroes = std::min(end, abi::align_up(header.p_vaddr + header.p_filesz, abi::page_size));
        if (zeroes > header.p_vaddr) segments[count++] = {header.p_vaddr, zeroes, protection, true};
        if (zeroes < end) segments[count++] = {zeroes, end, protection, false};
    }
    check(memory::adopt_image({segments.data(), count}).ok(), "no memory to describe the image's segments");
}

}  // namespace husk::boot
