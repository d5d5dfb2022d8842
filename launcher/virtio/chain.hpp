// SPDX-License-Identifier: Apache-2.0
// A descriptor chain that the driver has made available: the device owns it until it completes it, exactly once.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "launcher/virtio/segments.hpp"

namespace husk::virtio {

class Chain final {
public:
    // The first readable_count pieces are for the device to read, the others for it to write.
    Chain(std::uint16_t head, std::vector<iovec> pieces, std::size_t readable_count);
    Chain(Chain&& other) noexcept;
    Chain& operator=(Chain&&) = delete;
    ~Chain();  // asserts that it was completed or abandoned

    [[nodiscard]] std::uint16_t head() const { return head_; }
    [[nodiscard]] Segments& readable() { return readable_; }
    [[nodiscard]] Segments& writable() { return writable_; }

    // Its queue is no more: it was reset.
    void abandon() { is_open_ = false; }

private:
    friend class Queue;

    std::vector<iovec> pieces_;  // a move keeps them where they are
    Segments readable_;
    Segments writable_;
    std::uint16_t head_;
    bool is_open_ = true;
};

}  // namespace husk::virtio
