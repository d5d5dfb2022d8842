// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/net_queue_pair.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk {

namespace virtio = abi::virtio;

namespace {

static_assert(sizeof(virtio::NetHeader) == net::device_header_bytes);

virtio::NetHeader header_of(const net::OutgoingFrame& frame) {
    virtio::NetHeader header{};
    if (frame.checksum_offset != 0) {
        header.flags = virtio::net_header_flag::needs_csum;
        header.csum_start = frame.checksum_start;
        header.csum_offset = frame.checksum_offset;
    }
    if (frame.segment_bytes != 0) {
        auto kind = frame.is_ipv6 ? virtio::NetSegmentation::tcp6 : virtio::NetSegmentation::tcp4;
        header.segmentation = static_cast<std::uint8_t>(kind);
        header.header_bytes = frame.header_bytes;
        header.segment_bytes = frame.segment_bytes;
    }
    return header;
}

}  // namespace

NetQueuePair::ReceiveBuffer* NetQueuePair::ReceiveBuffer::create() {
    static_assert(sizeof(ReceiveBuffer) <= head_bytes);
    void* page = heap::allocate(page_bytes);
    return page == nullptr ? nullptr : new (page) ReceiveBuffer;
}

void NetQueuePair::ReceiveBuffer::release() { heap::release(this, page_bytes); }

void NetQueuePair::start(Agreed agreed) {
    agreed_ = agreed;
    (void)want_interrupts();
}

bool NetQueuePair::fill() {
    while (receive_queue.has_room()) {
        ReceiveBuffer* buffer = ReceiveBuffer::create();
        if (buffer == nullptr) break;
        Virtqueue::Buffer room{memory::gpa_of(buffer->room()), room_bytes, true};
        auto head = receive_queue.add({&room, 1});
        if (!head) {
            buffer->release();
            break;
        }
        posted_[*head] = buffer;
    }
    return receive_queue.publish();
}

std::optional<std::uint16_t> NetQueuePair::add_chain(std::span<const net::FramePiece> pieces) {
    std::array<Virtqueue::Buffer, most_pieces> buffers;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        buffers[i] = {memory::gpa_of(pieces[i].data), static_cast<std::uint32_t>(pieces[i].size_bytes), false};
    }
    return send_queue.add(std::span(buffers).first(pieces.size()));
}

std::optional<std::uint16_t> NetQueuePair::add_table(std::span<const net::FramePiece> pieces) {
    Table* table = free_tables_;
    if (table == nullptr) {
        table = static_cast<Table*>(heap::allocate(sizeof(Table)));
        if (table == nullptr) return {};
        table->next_free = nullptr;
    }
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        bool is_last = i + 1 == pieces.size();
        table->descriptors[i] = {memory::gpa_of(pieces[i].data).value, static_cast<std::uint32_t>(pieces[i].size_bytes),
                                 is_last ? std::uint16_t{0} : virtio::descriptor_flag::next,
                                 static_cast<std::uint16_t>(is_last ? 0 : i + 1)};
    }
    Table* next_free = table->next_free;
    auto head = send_queue.add_indirect(memory::gpa_of(table->descriptors), static_cast<std::uint32_t>(pieces.size()));
    free_tables_ = head ? next_free : table;
    if (head) tables_[*head] = table;
    return head;
}

Result<> NetQueuePair::send(const net::OutgoingFrame& frame) {
    if (frame.pieces.size() > most_pieces) return Errno::enobufs;
    virtio::NetHeader header = header_of(frame);
    std::memcpy(frame.pieces[0].data, &header, sizeof header);
    std::optional<std::uint16_t> head;
    if (agreed_.takes_tables && frame.pieces.size() > 1) head = add_table(frame.pieces);
    // Without memory for a table there may be descriptors yet.
    if (!head) head = add_chain(frame.pieces);
    if (!head) return Errno::enobufs;
    in_flight_[*head] = frame.token;
    return {};
}

void NetQueuePair::collect(net::FrameSink& sink) {
    while (auto used = send_queue.take_used()) {
        if (Table* table = tables_[used->head]; table != nullptr) {
            tables_[used->head] = nullptr;
            table->next_free = free_tables_;
            free_tables_ = table;
        }
        sink.on_sent(std::exchange(in_flight_[used->head], nullptr));
    }
    collect_received(sink);
}

void NetQueuePair::abandon(net::FrameSink& sink) {
    for (void*& token : in_flight_) {
        if (token != nullptr) sink.on_sent(std::exchange(token, nullptr));
    }
    for (ReceiveBuffer*& buffer : posted_) {
        if (buffer != nullptr) std::exchange(buffer, nullptr)->release();
    }
    for (std::size_t i = 0; i < part_count_; ++i) parts_[i].buffer->release();
    part_count_ = parts_expected_ = 0;
}

// Takes the header off a frame's first buffer. False: it is too short for one.
bool NetQueuePair::begin_frame(net::IncomingPiece& piece) {
    virtio::NetHeader header;
    if (piece.size_bytes < sizeof header) return false;
    std::memcpy(&header, piece.data, sizeof header);
    piece.data += sizeof header;
    piece.size_bytes -= sizeof header;
    parts_expected_ = agreed_.merges_buffers ? header.buffer_count : 1;
    if (parts_expected_ == 0 || parts_expected_ > most_parts) parts_expected_ = 1;
    constexpr std::uint8_t right = virtio::net_header_flag::needs_csum | virtio::net_header_flag::data_valid;
    checksum_is_right_ = (header.flags & right) != 0;
    return true;
}

void NetQueuePair::collect_received(net::FrameSink& sink) {
    while (auto used = receive_queue.take_used()) {
        ReceiveBuffer* buffer = std::exchange(posted_[used->head], nullptr);
        std::size_t size = std::min<std::size_t>(used->written_bytes, room_bytes);
        net::IncomingPiece piece{buffer, buffer->room(), size};
        if (parts_expected_ == 0 && !begin_frame(piece)) {
            buffer->release();
            continue;
        }
        parts_[part_count_++] = piece;
        if (part_count_ < parts_expected_) continue;
        std::span<const net::IncomingPiece> parts(parts_.data(), part_count_);
        part_count_ = parts_expected_ = 0;
        sink.on_frame(parts, checksum_is_right_);
    }
}

bool NetQueuePair::want_interrupts() {
    bool has_more = send_queue.want_interrupt();
    return receive_queue.want_interrupt() || has_more;
}

}  // namespace husk
