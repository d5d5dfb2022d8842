// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/image_loader.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "launcher/host/errno_error.hpp"
#include "launcher/host/futex.hpp"

namespace husk::boot {

namespace {

constexpr int error_truncated = -1;

}  // namespace

ImageLoader::ImageLoader(const image::Image& image, const memory::GuestMemory& memory) : fd_(image.file.get()) {
    std::uint64_t large_page = 0;  // below every image
    for (const image::Segment& segment : image.segments) {
        for (std::uint64_t done = 0; done < segment.file_bytes;) {
            const std::uint64_t at = segment.begin.value + done;
            if (const std::uint64_t begin = abi::align_down(at, abi::large_page_size); begin != large_page) {
                large_page = begin;
                shares_.push_back(pieces_.size());
            }
            const std::uint64_t bytes = std::min(segment.file_bytes - done, large_page + abi::large_page_size - at);
            const std::span<std::byte> to = memory.try_span({at}, bytes);
            if (to.empty())
                throw host::Error(host::ExitCode::memory_too_small,
                                  "the image does not fit into its memory: give it more with --memory");
            pieces_.push_back({to, segment.file_offset + done});
            done += bytes;
            size_bytes_ += bytes;
        }
    }
    left_ = static_cast<std::uint32_t>(shares_.size());
    shares_.push_back(pieces_.size());
}

void ImageLoader::work() noexcept {
    for (;;) {
        const std::size_t share = next_.fetch_add(1);
        if (share + 1 >= shares_.size()) return;
        for (std::size_t i = shares_[share]; i < shares_[share + 1]; ++i) read(pieces_[i]);
        // Releases the share's bytes to finish().
        if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) host::futex_wake(left_);
    }
}

void ImageLoader::read(const Piece& piece) noexcept {
    std::span<std::byte> to = piece.to;
    std::uint64_t offset = piece.file_offset;
    while (!to.empty()) {
        const ssize_t bytes = ::pread(fd_, to.data(), to.size(), static_cast<off_t>(offset));
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes <= 0) {
            error_.store(bytes == 0 ? error_truncated : errno);
            return;
        }
        to = to.subspan(static_cast<std::size_t>(bytes));
        offset += static_cast<std::uint64_t>(bytes);
    }
}

void ImageLoader::finish() {
    work();
    while (const std::uint32_t left = left_.load(std::memory_order_acquire))
        host::futex_wait(left_, left, host::no_deadline_ns);
    if (error_.load() == error_truncated)
        throw host::Error(host::ExitCode::truncated_elf,
                          "the image became shorter while it was read: copy or build it again");
    if (error_.load() != 0) throw host::errno_error("cannot read the image", error_.load());
}

}  // namespace husk::boot
