// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/received_packet.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include <lwip/pbuf.h>
#include <lwip/prot/ethernet.h>

namespace husk::net {

namespace {

// A frame up to this size is copied, so that its buffer goes back to the device at once and a peer that sends little
// pieces does not hold much memory.
constexpr std::size_t copied_bytes = 512;
constexpr std::size_t least_frame_bytes = 60;  // without the check sequence
// lwIP looks for all of a frame's headers in its first buffer.
constexpr std::size_t headers_bytes = 160;

// A device's buffer as a packet buffer.
struct BorrowedBuffer {
    pbuf_custom packet;
    ReceivedBuffer* buffer;

    static void on_free(pbuf* packet) {
        // SAFETY: the pbuf is the first member of the pbuf_custom, and that of a BorrowedBuffer.
        auto* borrowed = reinterpret_cast<BorrowedBuffer*>(packet);
        borrowed->buffer->release();
        delete borrowed;
    }
};

// Filled up to what Ethernet's shortest frame has: lwIP counts on that much where it looks at ARP.
pbuf* copied(std::span<const IncomingPiece> pieces, std::size_t size_bytes) {
    std::size_t filled_bytes = std::max(size_bytes, least_frame_bytes);
    pbuf* packet = pbuf_alloc(PBUF_RAW, static_cast<u16_t>(filled_bytes), PBUF_RAM);
    if (packet == nullptr) return nullptr;
    auto* to = static_cast<std::byte*>(packet->payload);
    std::memset(to + size_bytes, 0, filled_bytes - size_bytes);
    for (const IncomingPiece& piece : pieces) {
        if (piece.size_bytes != 0) std::memcpy(to, piece.data, piece.size_bytes);
        to += piece.size_bytes;
    }
    return packet;
}

pbuf* borrow(const IncomingPiece& piece) {
    auto* made = piece.size_bytes == 0 ? nullptr : new (std::nothrow) BorrowedBuffer{};
    if (made == nullptr) {
        piece.buffer->release();
        return nullptr;
    }
    made->buffer = piece.buffer;
    made->packet.custom_free_function = BorrowedBuffer::on_free;
    auto size = static_cast<u16_t>(piece.size_bytes);
    return pbuf_alloced_custom(PBUF_RAW, size, PBUF_REF, &made->packet, piece.data, size);
}

pbuf* borrowed(std::span<const IncomingPiece> pieces) {
    pbuf* whole = nullptr;
    bool is_complete = true;
    for (const IncomingPiece& piece : pieces) {
        pbuf* part = borrow(piece);
        if (part == nullptr) {
            is_complete = is_complete && piece.size_bytes == 0;
        } else if (whole == nullptr) {
            whole = part;
        } else {
            pbuf_cat(whole, part);
        }
    }
    if (is_complete || whole == nullptr) return whole;
    pbuf_free(whole);
    return nullptr;
}

}  // namespace

pbuf* take_packet(std::span<const IncomingPiece> pieces) {
    std::size_t size = 0;
    for (const IncomingPiece& piece : pieces) size += piece.size_bytes;
    bool is_frame = size >= SIZEOF_ETH_HDR && size <= UINT16_MAX;
    if (is_frame && size > copied_bytes && pieces.front().size_bytes >= headers_bytes) return borrowed(pieces);
    pbuf* packet = is_frame ? copied(pieces, size) : nullptr;
    for (const IncomingPiece& piece : pieces) piece.buffer->release();
    return packet;
}

}  // namespace husk::net
