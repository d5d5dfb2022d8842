// SPDX-License-Identifier: Apache-2.0
#include "launcher/image/parse_image.hpp"

#include "launcher/image/elf_headers.hpp"
#include "launcher/image/notes.hpp"
#include "launcher/image/patches.hpp"
#include "launcher/image/refuse.hpp"
#include "launcher/image/segments.hpp"

namespace husk::image {

Image parse_image(const ByteSource& source, std::string_view name) {
    const ElfHeaders headers = parse_elf_headers(source, name);
    Image image;
    image.entry = headers.entry;
    image.note = read_image_note(source, headers.program_headers, name);
    image.segments = check_segments(headers.program_headers, source.size_bytes(), name);

    const Segment* start = find_segment(image.segments, image.entry, 1);
    if (start == nullptr || !start->executable) {
        refuse(host::ExitCode::bad_segments, name, "starts at {}, outside its code; link it again with husk-c++",
               config::Hex{image.entry});
    }
    check_image_note(image.note, image.segments, name);
    read_patches(source, image, name);
    return image;
}

}  // namespace husk::image
