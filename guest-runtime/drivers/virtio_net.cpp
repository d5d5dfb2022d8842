// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/virtio_net.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/random.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk {

namespace virtio = abi::virtio;

namespace {

namespace bit = virtio::net_feature;
constexpr std::uint64_t wanted_features = bit::csum | bit::guest_csum | bit::mtu | bit::mac | bit::guest_tso4 |
                                          bit::guest_tso6 | bit::guest_ecn | bit::host_tso4 | bit::host_tso6 |
                                          bit::mrg_rxbuf | bit::status | virtio::feature::event_idx;

constexpr std::size_t receive_index = 0, send_index = 1;
constexpr std::uint16_t ethernet_mtu = 1500, least_mtu = 68, largest_mtu = 65521;
static_assert(sizeof(virtio::NetHeader) == net::device_header_bytes);

// A driver without MRG_RXBUF must offer room for a whole frame in one chain [virtio 5.1.6.3.1].
constexpr std::size_t whole_frame_bytes = sizeof(virtio::NetHeader) + 1514;

}  // namespace

VirtioNet::ReceiveBuffer* VirtioNet::ReceiveBuffer::create() {
    static_assert(sizeof(ReceiveBuffer) <= head_bytes && room_bytes >= whole_frame_bytes);
    void* page = heap::allocate(page_bytes);
    return page == nullptr ? nullptr : new (page) ReceiveBuffer;
}

void VirtioNet::ReceiveBuffer::release() { heap::release(this, page_bytes); }

Result<> VirtioNet::start() {
    // Large frames need merged buffers: one of them would not hold one.
    std::size_t count = HUSK_TRY(transport_.start(wanted_features, queues_));
    if (count < queues_.size()) return Errno::eio;
    virtio::NetConfig config{};
    transport_.read_config(std::as_writable_bytes(std::span(&config, 1)));
    std::copy_n(config.mac, facts_.mac.size(), facts_.mac.begin());
    if (!transport_.has(bit::mac)) {
        fill_random(std::as_writable_bytes(std::span(facts_.mac)));
        facts_.mac[0] = static_cast<std::uint8_t>((facts_.mac[0] & 0xfe) | 0x02);  // its own, for one receiver
    }
    bool has_mtu = transport_.has(bit::mtu) && config.mtu >= least_mtu && config.mtu <= largest_mtu;
    facts_.mtu = has_mtu ? config.mtu : ethernet_mtu;
    facts_.completes_checksums = transport_.has(bit::csum);
    facts_.cuts_ipv4 = facts_.completes_checksums && transport_.has(bit::host_tso4);
    facts_.cuts_ipv6 = facts_.completes_checksums && transport_.has(bit::host_tso6);
    reports_link_ = transport_.has(bit::status);
    (void)queues_[send_index].want_interrupt();
    fill_receive_queue();
    (void)queues_[receive_index].want_interrupt();
    return {};
}

void VirtioNet::fill_receive_queue() {
    Virtqueue& queue = queues_[receive_index];
    for (;;) {
        ReceiveBuffer* buffer = ReceiveBuffer::create();
        if (buffer == nullptr) break;
        Virtqueue::Buffer room{memory::gpa_of(buffer->room()), ReceiveBuffer::room_bytes, true};
        auto head = queue.add({&room, 1});
        if (!head) {
            buffer->release();
            break;
        }
        posted_[*head] = buffer;
    }
    if (queue.publish()) transport_.notify(receive_index);
}

Result<> VirtioNet::send(const net::OutgoingFrame& frame) {
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
    std::memcpy(frame.pieces[0].data, &header, sizeof header);
    std::array<Virtqueue::Buffer, 64> buffers;
    if (frame.pieces.size() > buffers.size()) return Errno::enobufs;
    for (std::size_t i = 0; i < frame.pieces.size(); ++i) {
        const net::FramePiece& piece = frame.pieces[i];
        buffers[i] = {memory::gpa_of(piece.data), static_cast<std::uint32_t>(piece.size_bytes), false};
    }
    auto head = queues_[send_index].add(std::span(buffers).first(frame.pieces.size()));
    if (!head) return Errno::enobufs;
    in_flight_[*head] = frame.token;
    return {};
}

void VirtioNet::flush() {
    if (queues_[send_index].publish()) transport_.notify(send_index);
}

void VirtioNet::collect_sent(net::FrameSink& sink) {
    while (auto used = queues_[send_index].take_used()) sink.on_sent(in_flight_[used->head]);
}

void VirtioNet::finish_frame(net::FrameSink& sink) {
    std::span<const net::IncomingPiece> parts(parts_.data(), part_count_);
    part_count_ = parts_expected_ = 0;
    sink.on_frame(parts, checksum_is_right_);
}

void VirtioNet::collect_received(net::FrameSink& sink) {
    while (auto used = queues_[receive_index].take_used()) {
        ReceiveBuffer* buffer = posted_[used->head];
        posted_[used->head] = nullptr;
        std::size_t size = std::min<std::size_t>(used->written_bytes, ReceiveBuffer::room_bytes);
        std::byte* data = buffer->room();
        if (parts_expected_ == 0) {
            virtio::NetHeader header;
            if (size < sizeof header) {
                buffer->release();
                continue;
            }
            std::memcpy(&header, data, sizeof header);
            data += sizeof header;
            size -= sizeof header;
            parts_expected_ = transport_.has(bit::mrg_rxbuf) ? header.buffer_count : 1;
            constexpr std::uint8_t right = virtio::net_header_flag::needs_csum | virtio::net_header_flag::data_valid;
            checksum_is_right_ = (header.flags & right) != 0;
            if (parts_expected_ == 0 || parts_expected_ > most_parts) parts_expected_ = 1;
        }
        parts_[part_count_++] = {buffer, data, size};
        if (part_count_ == parts_expected_) finish_frame(sink);
    }
}

void VirtioNet::look_at_link(net::FrameSink& sink) {
    if (!reports_link_) return;
    virtio::NetConfig config{};
    transport_.read_config(std::as_writable_bytes(std::span(&config, 1)));
    bool is_up = (config.status & virtio::net_status::link_up) != 0;
    if (is_up == link_is_up_) return;
    link_is_up_ = is_up;
    sink.on_link(is_up);
}

void VirtioNet::collect(net::FrameSink& sink) {
    for (bool has_more = true; has_more;) {
        collect_sent(sink);
        collect_received(sink);
        fill_receive_queue();
        flush();
        has_more = queues_[send_index].want_interrupt();
        if (queues_[receive_index].want_interrupt()) has_more = true;
    }
    look_at_link(sink);
}

}  // namespace husk
