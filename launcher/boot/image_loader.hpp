// SPDX-License-Identifier: Apache-2.0
// The image's segments on their way into guest memory, in shares that several threads can take.
//
//   ImageLoader loader(image, memory);      // memory is still zero
//   std::thread([&] { loader.work(); });    // if it pays
//   ...
//   loader.finish();                        // does what nobody has begun, waits for what somebody has
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "launcher/image/image.hpp"
#include "launcher/memory/guest_memory.hpp"

namespace husk::boot {

class ImageLoader final {
public:
    // image and memory live until finish() has returned. Throws host::Error when the image does not fit.
    ImageLoader(const image::Image& image, const memory::GuestMemory& memory);

    // Takes shares until none is left. Any thread.
    void work() noexcept;

    // Throws host::Error when something could not be read.
    void finish();

    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

private:
    struct Piece {
        std::span<std::byte> to;
        std::uint64_t file_offset;
    };

    void read(const Piece& piece) noexcept;

    int fd_;
    std::uint64_t size_bytes_ = 0;
    std::vector<Piece> pieces_;
    // A share is what lies in one large page, since two threads that touch a fresh one would each make it and throw one
    // away. Where each begins in pieces_, and the end.
    std::vector<std::size_t> shares_;
    std::atomic<std::size_t> next_ = 0;
    std::atomic<std::uint32_t> left_;  // shares that are not in memory yet
    std::atomic<int> error_ = 0;       // errno of a failed read, or -1 for the end of the file
};

}  // namespace husk::boot
