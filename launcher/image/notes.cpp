// SPDX-License-Identifier: Apache-2.0
#include "launcher/image/notes.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include <husk/abi/machine.hpp>
#include <husk/abi/version.hpp>

#include "launcher/image/parse_image.hpp"
#include "launcher/image/refuse.hpp"
#include "launcher/image/segments.hpp"

namespace husk::image {

namespace {

using config::Hex;
using host::ExitCode;

abi::ImageNote decode_image_note(std::span<const std::byte> descriptor, std::string_view name) {
    abi::ImageNote note{};
    constexpr std::size_t number_bytes = sizeof(note.abi_number);
    if (descriptor.size() < number_bytes) {
        refuse(ExitCode::not_husk_image, name, "has a damaged Husk note of {} bytes; link it again with husk-c++",
               descriptor.size());
    }
    // The number comes first in every version, so that it can be read before the rest is understood.
    std::memcpy(&note.abi_number, descriptor.data(), number_bytes);
    if (note.abi_number != abi::abi_number) {
        refuse(ExitCode::abi_mismatch, name,
               "was built for ABI number {}, this launcher serves {}; build it again with this launcher's husk-c++",
               note.abi_number, abi::abi_number);
    }
    if (descriptor.size() < sizeof(note)) {
        refuse(ExitCode::not_husk_image, name, "has a damaged Husk note of {} bytes; link it again with husk-c++",
               descriptor.size());
    }
    std::memcpy(&note, descriptor.data(), sizeof(note));
    if (note.size_bytes != sizeof(note)) {
        refuse(ExitCode::not_husk_image, name,
               "has a Husk note that says it has {} bytes instead of {}; link it again with husk-c++",
               std::uint32_t{note.size_bytes}, sizeof(note));
    }
    return note;
}

}  // namespace

std::optional<std::span<const std::byte>> find_note(std::span<const std::byte> notes, std::uint64_t alignment,
                                                    std::string_view owner, std::uint32_t type) {
    while (notes.size() >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr header;
        std::memcpy(&header, notes.data(), sizeof(header));
        // 32-bit sizes: none of these sums can wrap.
        const std::uint64_t descriptor_begin =
            abi::align_up(sizeof(header) + std::uint64_t{header.n_namesz}, alignment);
        const std::uint64_t descriptor_end = descriptor_begin + header.n_descsz;
        if (descriptor_end > notes.size()) return std::nullopt;

        const bool owner_matches = header.n_namesz == owner.size() + 1 &&
                                   std::memcmp(notes.data() + sizeof(header), owner.data(), owner.size()) == 0 &&
                                   notes[sizeof(header) + owner.size()] == std::byte{0};
        if (owner_matches && header.n_type == type) return notes.subspan(descriptor_begin, header.n_descsz);
        notes = notes.subspan(std::min<std::uint64_t>(abi::align_up(descriptor_end, alignment), notes.size()));
    }
    return std::nullopt;
}

abi::ImageNote read_image_note(const ByteSource& source, std::span<const Elf64_Phdr> program_headers,
                               std::string_view name) {
    std::vector<std::byte> bytes;
    for (const Elf64_Phdr& header : program_headers) {
        if (header.p_type != PT_NOTE || header.p_filesz > notes_bytes_max) continue;
        if (!source.contains(header.p_offset, header.p_filesz)) {
            refuse(ExitCode::truncated_elf, name, "is truncated: its notes lie behind its end; copy or build it again");
        }
        bytes.resize(header.p_filesz);
        source.copy_out(header.p_offset, bytes);
        const auto descriptor = find_note(bytes, header.p_align == 8 ? 8 : 4, abi::note_name, abi::note_type_image);
        if (descriptor) return decode_image_note(*descriptor, name);
    }
    refuse(ExitCode::not_husk_image, name,
           "is not a Husk image (it has no Husk note); build it with husk-c++ or husk_add_image()");
}

void check_image_note(const abi::ImageNote& note, std::span<const Segment> segments, std::string_view name) {
    const auto check_code = [&](std::string_view what, std::uint64_t address, std::uint64_t bytes) {
        const Segment* segment = find_segment(segments, address, bytes);
        if (segment != nullptr && segment->executable) return;
        refuse(ExitCode::bad_segments, name, "has its {} at {}, outside its code; link it again with husk-c++", what,
               Hex{address});
    };
    if (note.runtime_text_begin >= note.runtime_text_end) {
        refuse(ExitCode::bad_segments, name, "has an empty runtime text at {}; link it again with husk-c++",
               Hex{note.runtime_text_begin});
    }
    check_code("guest entry", note.entry, 1);
    check_code("runtime text", note.runtime_text_begin, note.runtime_text_end - note.runtime_text_begin);
    check_code("trap stubs", note.trap_stubs, abi::exception_vectors * abi::trap_stub_stride_bytes);
    check_code("system-call trap", note.syscall_trap, 1);
    check_code("pre-emption upcall", note.upcall, 1);
}

}  // namespace husk::image
