// SPDX-License-Identifier: Apache-2.0
#include "launcher/virtio/segments.hpp"

#include <algorithm>
#include <cstring>

namespace husk::virtio {

Segments::Segments(std::span<iovec> pieces) : pieces_(pieces) {
    for (const iovec& piece : pieces) size_bytes_ += piece.iov_len;
}

bool Segments::copy_off_front(std::span<std::byte> to) {
    if (to.size() > size_bytes_) return false;
    while (!to.empty()) {
        const iovec& first = pieces_.front();
        const std::size_t count = std::min(first.iov_len, to.size());
        std::memcpy(to.data(), first.iov_base, count);
        to = to.subspan(count);
        drop_front(count);
    }
    return true;
}

std::size_t Segments::store_off_front(std::span<const std::byte> from) {
    std::size_t stored = 0;
    while (stored < from.size() && !pieces_.empty()) {
        const iovec& first = pieces_.front();
        const std::size_t count = std::min(first.iov_len, from.size() - stored);
        std::memcpy(first.iov_base, from.data() + stored, count);
        stored += count;
        drop_front(count);
    }
    return stored;
}

std::byte* Segments::try_take_last() {
    if (pieces_.empty()) return nullptr;
    iovec& last = pieces_.back();
    std::byte* const taken = static_cast<std::byte*>(last.iov_base) + --last.iov_len;
    if (last.iov_len == 0) pieces_ = pieces_.first(pieces_.size() - 1);
    --size_bytes_;
    return taken;
}

void Segments::drop_front(std::size_t size_bytes) {
    iovec& first = pieces_.front();
    first.iov_base = static_cast<std::byte*>(first.iov_base) + size_bytes;
    first.iov_len -= size_bytes;
    size_bytes_ -= size_bytes;
    if (first.iov_len == 0) pieces_ = pieces_.subspan(1);
}

}  // namespace husk::virtio
