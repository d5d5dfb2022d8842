// SPDX-License-Identifier: Apache-2.0
// The driver of a virtio-net device: frames of the stack in and out, buffers passed on without a copy [virtio 5.1].
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <husk/abi/virtio/net.hpp>

#include "guest-runtime/drivers/virtio_transport.hpp"
#include "guest-runtime/drivers/virtqueue.hpp"
#include "guest-runtime/net/net_device.hpp"

namespace husk {

class VirtioNet final : public net::NetDevice {
public:
    explicit VirtioNet(const VirtioTransport& transport) : transport_(transport) {}
    Result<> start();

    void on_interrupt() const { transport_.acknowledge_interrupt(); }

    [[nodiscard]] const net::NetDeviceFacts& facts() const override { return facts_; }
    Result<> send(const net::OutgoingFrame& frame) override;
    void flush() override;
    void collect(net::FrameSink& sink) override;

private:
    // One page: this head, and behind it the room that the device fills.
    class ReceiveBuffer final : public net::ReceivedBuffer {
    public:
        static constexpr std::size_t page_bytes = 4096;
        static ReceiveBuffer* create();
        void release() override;
        [[nodiscard]] std::byte* room() {
            // SAFETY: create() makes the object at the start of a page of its own.
            return reinterpret_cast<std::byte*>(this) + head_bytes;
        }
        static constexpr std::size_t head_bytes = 64;
        static constexpr std::size_t room_bytes = page_bytes - head_bytes;
    };
    static constexpr std::size_t most_parts = 18;  // of one frame: 64 KiB and its headers

    void fill_receive_queue();
    void collect_sent(net::FrameSink& sink);
    void collect_received(net::FrameSink& sink);
    void finish_frame(net::FrameSink& sink);
    void look_at_link(net::FrameSink& sink);

    VirtioTransport transport_;
    net::NetDeviceFacts facts_{};
    std::array<Virtqueue, 2> queues_;                           // receive, send
    std::array<ReceiveBuffer*, Virtqueue::max_size> posted_{};  // by head
    std::array<void*, Virtqueue::max_size> in_flight_{};        // tokens by head
    bool reports_link_ = false;
    bool link_is_up_ = true;

    // The frame that is being put together.
    std::array<net::IncomingPiece, most_parts> parts_{};
    std::size_t part_count_ = 0;
    std::size_t parts_expected_ = 0;
    bool checksum_is_right_ = false;
};

}  // namespace husk
