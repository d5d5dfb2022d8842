// SPDX-License-Identifier: Apache-2.0
// One receive and one send queue of a virtio-net device, with the buffers that are in them [virtio 5.1.6].
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <husk/abi/virtio/net.hpp>

#include "guest-runtime/drivers/virtqueue.hpp"
#include "guest-runtime/net/net_device.hpp"

namespace husk {

// Not locked.
class NetQueuePair {
public:
    struct Agreed {
        bool merges_buffers;  // a frame may come in several of them
        bool takes_tables;    // indirect descriptors
    };

    // Without MRG_RXBUF a whole frame must fit into one buffer, with its header and perhaps a VLAN's tag.
    static constexpr std::uint16_t mtu_of_one_buffer = 4096 - 64 - net::device_header_bytes - 14 - 4;

    // For the driver to set up.
    Virtqueue receive_queue;
    Virtqueue send_queue;

    // Once they are. Asks for interrupts from the first buffer on.
    void start(Agreed agreed);
    // Gives the device buffers, as many as the queue takes. True: it wants to be notified of them.
    bool fill();
    // ENOBUFS: the queue is full, or the frame in too many pieces.
    Result<> send(const net::OutgoingFrame& frame);
    // Hands over what the device has finished.
    void collect(net::FrameSink& sink);
    // True: there is more to collect.
    bool want_interrupts();
    // The device has used what it was not given, and one of the queues stands still from now on.
    [[nodiscard]] bool is_broken() const { return send_queue.is_broken() || receive_queue.is_broken(); }
    // The device has been reset: what it had is taken back.
    void abandon(net::FrameSink& sink);

private:
    static constexpr std::size_t page_bytes = 4096;
    static constexpr std::size_t head_bytes = 64;
    static constexpr std::size_t room_bytes = page_bytes - head_bytes;
    // One page: this head, and behind it the room that the device fills.
    class ReceiveBuffer final : public net::ReceivedBuffer {
    public:
        static ReceiveBuffer* create();
        void release() override;
        [[nodiscard]] std::byte* room() {
            // SAFETY: create() makes the object at the start of a page of its own.
            return reinterpret_cast<std::byte*>(this) + head_bytes;
        }
    };

    static_assert(mtu_of_one_buffer + net::device_header_bytes + 14 + 4 == room_bytes);
    static constexpr std::size_t most_parts = 18;   // of one frame: 64 KiB and its headers
    static constexpr std::size_t most_pieces = 64;  // of one to send
    // Descriptors of a frame in several pieces, so that it takes one of the queue's own.
    struct Table {
        Table* next_free;
        std::uint64_t padding;
        abi::virtio::Descriptor descriptors[most_pieces];
    };

    void collect_received(net::FrameSink& sink);
    bool begin_frame(net::IncomingPiece& piece);
    std::optional<std::uint16_t> add_table(std::span<const net::FramePiece> pieces);
    std::optional<std::uint16_t> add_chain(std::span<const net::FramePiece> pieces);

    Agreed agreed_{};
    std::array<ReceiveBuffer*, Virtqueue::max_size> posted_{};  // by head
    std::array<void*, Virtqueue::max_size> in_flight_{};        // tokens by head
    std::array<Table*, Virtqueue::max_size> tables_{};          // by head, of those in flight
    Table* free_tables_ = nullptr;

    // The frame that is being put together.
    std::array<net::IncomingPiece, most_parts> parts_{};
    std::size_t part_count_ = 0;
    std::size_t parts_expected_ = 0;
    bool checksum_is_right_ = false;
};

}  // namespace husk
