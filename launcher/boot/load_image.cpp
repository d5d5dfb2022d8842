// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/load_image.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

#include "launcher/host/errno_error.hpp"

namespace husk::boot {

namespace {

void read_exactly(int fd, std::span<std::byte> to, std::uint64_t offset) {
    while (!to.empty()) {
        const ssize_t bytes = ::pread(fd, to.data(), to.size(), static_cast<off_t>(offset));
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes < 0) throw host::errno_error("cannot read the image");
        if (bytes == 0)
            throw host::Error(host::ExitCode::truncated_elf,
                              "the image became shorter while it was read: copy or build it again");
        to = to.subspan(static_cast<std::size_t>(bytes));
        offset += static_cast<std::uint64_t>(bytes);
    }
}

}  // namespace

void load_image(const image::Image& image, const memory::GuestMemory& memory) {
    for (const image::Segment& segment : image.segments) {
        if (segment.file_bytes == 0) continue;
        const std::span<std::byte> to = memory.try_span(abi::GuestPhys{segment.begin.value}, segment.file_bytes);
        if (to.empty())
            throw host::Error(host::ExitCode::memory_too_small,
                              "the image does not fit into its memory: give it more with --memory");
        read_exactly(image.file.get(), to, segment.file_offset);
    }
}

}  // namespace husk::boot
