// SPDX-License-Identifier: Apache-2.0
#include "launcher/image/segments.hpp"

#include <algorithm>

#include "launcher/image/parse_image.hpp"
#include "launcher/image/refuse.hpp"

namespace husk::image {

namespace {

using config::Hex;
using host::ExitCode;

constexpr std::string_view relink = "; link it with husk-c++ and the default linker script";

template <class... Values>
[[noreturn]] void refuse_segment(std::string_view name, std::string_view text, const Values&... values) {
    refuse(ExitCode::bad_segments, name, std::string(text) + std::string(relink), values...);
}

void check_place(const Elf64_Phdr& header, std::string_view name) {
    if (header.p_memsz > UINT64_MAX - header.p_vaddr) {
        refuse_segment(name, "has a segment at {} of {} bytes, which goes round the end of the address space",
                       Hex{header.p_vaddr}, header.p_memsz);
    }
    if (header.p_vaddr < lowest_address) {
        refuse_segment(name, "has a segment at {}, below 4 MiB, where the launcher's own tables lie",
                       Hex{header.p_vaddr});
    }
    if (header.p_vaddr + header.p_memsz > highest_address) {
        refuse_segment(name, "has a segment that ends at {}, above 3 GiB, where no guest memory can be",
                       Hex{header.p_vaddr + header.p_memsz});
    }
}

void check_file_part(const Elf64_Phdr& header, std::uint64_t file_bytes, std::string_view name) {
    if (header.p_filesz > header.p_memsz) {
        refuse_segment(name, "has a segment at {} with more bytes in the file ({}) than in memory ({})",
                       Hex{header.p_vaddr}, header.p_filesz, header.p_memsz);
    }
    if (header.p_offset > file_bytes || header.p_filesz > file_bytes - header.p_offset) {
        refuse(ExitCode::truncated_elf, name,
               "is truncated: its segment at {} needs {} bytes from {} on, but the file has {} bytes; copy or build it "
               "again",
               Hex{header.p_vaddr}, header.p_filesz, header.p_offset, file_bytes);
    }
    if (header.p_filesz != 0 && header.p_offset % abi::page_size != header.p_vaddr % abi::page_size) {
        refuse_segment(name, "has a segment at {} whose file offset {} does not match its address within a page",
                       Hex{header.p_vaddr}, Hex{header.p_offset});
    }
}

Segment check_segment(const Elf64_Phdr& header, std::uint64_t file_bytes, std::string_view name) {
    check_place(header, name);
    check_file_part(header, file_bytes, name);
    if ((header.p_flags & PF_W) != 0 && (header.p_flags & PF_X) != 0) {
        refuse_segment(name, "has a segment at {} that is both writable and executable", Hex{header.p_vaddr});
    }
    return {{header.p_vaddr},
            header.p_offset,
            header.p_filesz,
            header.p_memsz,
            (header.p_flags & PF_R) != 0,
            (header.p_flags & PF_W) != 0,
            (header.p_flags & PF_X) != 0};
}

// Permissions hold per page, so segments may not even meet in one.
void check_apart(std::span<const Segment> segments, std::string_view name) {
    for (std::size_t i = 1; i < segments.size(); ++i) {
        const Segment& below = segments[i - 1];
        const std::uint64_t end = below.begin.value + below.memory_bytes;
        if (abi::align_up(end, abi::page_size) > abi::align_down(segments[i].begin.value, abi::page_size)) {
            refuse_segment(name, "has segments at {} and {} that overlap or share a page", Hex{below.begin.value},
                           Hex{segments[i].begin.value});
        }
    }
}

}  // namespace

std::vector<Segment> check_segments(std::span<const Elf64_Phdr> program_headers, std::uint64_t file_bytes,
                                    std::string_view name) {
    std::vector<Segment> segments;
    for (const Elf64_Phdr& header : program_headers) {
        if (header.p_type != PT_LOAD || header.p_memsz == 0) continue;
        segments.push_back(check_segment(header, file_bytes, name));
    }
    if (segments.empty()) refuse_segment(name, "has no loadable segment");
    std::ranges::sort(segments, {}, &Segment::begin);
    check_apart(segments, name);
    return segments;
}

const Segment* find_segment(std::span<const Segment> segments, std::uint64_t address, std::uint64_t bytes) {
    for (const Segment& segment : segments) {
        if (address < segment.begin.value) continue;
        const std::uint64_t offset = address - segment.begin.value;
        if (offset <= segment.memory_bytes && bytes <= segment.memory_bytes - offset) return &segment;
    }
    return nullptr;
}

}  // namespace husk::image
