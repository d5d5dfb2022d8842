// SPDX-License-Identifier: Apache-2.0
#include "launcher/image/patches.hpp"

#include "launcher/image/parse_image.hpp"
#include "launcher/image/refuse.hpp"
#include "launcher/image/segments.hpp"

namespace husk::image {

namespace {

using config::Hex;
using host::ExitCode;

// Offset in the file of `bytes` that a segment has from `address` on.
std::uint64_t find_in_file(const Image& image, std::uint64_t address, std::uint64_t bytes, std::string_view name) {
    const Segment* segment = find_segment(image.segments, address, bytes);
    if (segment == nullptr || address - segment->begin.value + bytes > segment->file_bytes) {
        refuse(ExitCode::patch_table, name,
               "has a patch table at {} that is not in the file; link it again with husk-c++", Hex{address});
    }
    return segment->file_offset + (address - segment->begin.value);
}

void check_header(const abi::PatchTable& table, std::string_view name) {
    if (table.magic != abi::patch_table_magic) {
        refuse(ExitCode::patch_table, name, "has a patch table without its magic number; link it again with husk-c++");
    }
    if (table.capacity > patch_capacity_max || table.count > table.capacity) {
        refuse(ExitCode::patch_table, name,
               "has a patch table with {} entries in room for {}; link it again with husk-c++", table.count,
               table.capacity);
    }
    if (table.stub_bytes_used > table.stub_room_bytes) {
        refuse(ExitCode::patch_table, name, "has {} bytes of patch stubs in room for {}; link it again with husk-c++",
               table.stub_bytes_used, table.stub_room_bytes);
    }
    if (table.state != 0) {
        refuse(ExitCode::patch_table, name,
               "has a patch table that says it is applied already; link it again with husk-c++");
    }
}

}  // namespace

void read_patches(const ByteSource& source, Image& image, std::string_view name) {
    const std::uint64_t address = image.note.patch_table;
    if (address == 0) return;
    image.patch_header = source.read<abi::PatchTable>(find_in_file(image, address, sizeof(abi::PatchTable), name));
    check_header(image.patch_header, name);
    if (image.patch_header.count == 0) return;

    const std::uint64_t all_bytes = image.patch_header.capacity * sizeof(abi::PatchEntry);
    const std::uint64_t offset = find_in_file(image, address + sizeof(abi::PatchTable), all_bytes, name);
    image.patches.resize(image.patch_header.count);
    source.copy_out(offset, std::as_writable_bytes(std::span(image.patches)));
}

}  // namespace husk::image
