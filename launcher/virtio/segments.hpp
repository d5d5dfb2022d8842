// SPDX-License-Identifier: Apache-2.0
// Pieces of guest memory that a driver named for one purpose, in order.
//
// Devices must not care where the driver cut a request into pieces [virtio 2.7.4.1], so headers and status bytes are
// taken off the ends here, whatever the pieces are. The bytes are shared with the guest: copy once, then look.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace husk::virtio {

class Segments final {
public:
    Segments() = default;
    explicit Segments(std::span<iovec> pieces);

    // As preadv(2) and its kin take them.
    [[nodiscard]] std::span<iovec> pieces() const { return pieces_; }
    [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

    // Copies the first to.size() bytes and takes them off; false: there are fewer.
    [[nodiscard]] bool copy_off_front(std::span<std::byte> to);

    // Stores over the first bytes and takes them off; stores less than all where there is less room. Returns how many.
    std::size_t store_off_front(std::span<const std::byte> from);

    // Takes the last byte off; null: there is none. For the device to store to.
    [[nodiscard]] std::byte* try_take_last();

private:
    void drop_front(std::size_t size_bytes);

    std::span<iovec> pieces_;
    std::uint64_t size_bytes_ = 0;
};

}  // namespace husk::virtio
