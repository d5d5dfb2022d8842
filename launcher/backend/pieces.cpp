// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/pieces.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace husk::backend {

namespace {

// Calls use(memory, bytes) for what lies in [offset, offset + wanted) of the pieces, in order. Returns how many bytes.
template <class Use>
std::size_t walk(std::span<const iovec> pieces, std::size_t offset, std::size_t wanted, Use use) {
    std::size_t walked = 0;
    for (const iovec& piece : pieces) {
        if (walked == wanted) break;
        if (offset >= piece.iov_len) {
            offset -= piece.iov_len;
            continue;
        }
        const std::size_t count = std::min(piece.iov_len - offset, wanted - walked);
        use(static_cast<std::byte*>(piece.iov_base) + offset, count);
        walked += count;
        offset = 0;
    }
    return walked;
}

}  // namespace

std::size_t total_bytes(std::span<const iovec> pieces) {
    std::size_t total = 0;
    for (const iovec& piece : pieces) total += piece.iov_len;
    return total;
}

void skip_front(std::span<const iovec> pieces, std::size_t count, std::vector<iovec>& rest) {
    rest.clear();
    walk(pieces, count, SIZE_MAX, [&](std::byte* memory, std::size_t bytes) { rest.push_back({memory, bytes}); });
}

void keep_front(std::vector<iovec>& pieces, std::size_t count) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        pieces[i].iov_len = std::min(pieces[i].iov_len, count);
        count -= pieces[i].iov_len;
        if (count == 0) return pieces.resize(i + 1);
    }
}

std::size_t store_at(std::span<const iovec> pieces, std::size_t offset, std::span<const std::byte> from) {
    const std::byte* next = from.data();
    return walk(pieces, offset, from.size(), [&](std::byte* memory, std::size_t bytes) {
        std::memcpy(memory, next, bytes);
        next += bytes;
    });
}

std::size_t copy_from(std::span<const iovec> pieces, std::size_t offset, std::span<std::byte> to) {
    std::byte* next = to.data();
    return walk(pieces, offset, to.size(), [&](const std::byte* memory, std::size_t bytes) {
        std::memcpy(next, memory, bytes);
        next += bytes;
    });
}

}  // namespace husk::backend
