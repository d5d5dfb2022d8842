// SPDX-License-Identifier: Apache-2.0
// The ELF loader: any bytes give an image within its promises, or a host::Error.
#include <cstdlib>

#include "launcher/host/error.hpp"
#include "launcher/image/parse_image.hpp"

namespace {

using namespace husk;

void demand(bool promise) {
    if (!promise) std::abort();
}

// What the rest of the launcher relies on without checking again.
void check_promises(const image::Image& image, std::uint64_t file_bytes) {
    std::uint64_t last_end = image::lowest_address;
    for (const image::Segment& segment : image.segments) {
        demand(segment.begin.value >= last_end && segment.memory_bytes > 0);
        demand(segment.begin.value + segment.memory_bytes <= image::highest_address);
        demand(segment.file_bytes <= segment.memory_bytes);
        demand(segment.file_offset <= file_bytes && segment.file_bytes <= file_bytes - segment.file_offset);
        demand(!(segment.writable && segment.executable));
        last_end = abi::align_up(segment.begin.value + segment.memory_bytes, abi::page_size);
    }
    demand(image.patches.size() == image.patch_header.count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    try {
        check_promises(image::parse_image(image::MemorySource(bytes), "fuzz"), size);
    } catch (const host::Error&) {
    }
    return 0;
}
