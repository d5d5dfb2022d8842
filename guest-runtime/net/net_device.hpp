// SPDX-License-Identifier: Apache-2.0
// What the stack asks of a network device's driver, and what the driver brings.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "guest-runtime/base/result.hpp"

namespace husk::net {

struct NetDeviceFacts {
    std::array<std::uint8_t, 6> mac;
    std::uint16_t mtu;
    bool completes_checksums;  // of TCP in frames to send
    bool cuts_ipv4 = false;    // large TCP segments over IPv4 into those of segment_bytes each
    bool cuts_ipv6 = false;
};

// Room that a frame to send keeps in front of its Ethernet header, for the driver's own.
inline constexpr std::size_t device_header_bytes = 12;

struct FramePiece {
    std::byte* data;
    std::size_t size_bytes;
};

struct OutgoingFrame {
    std::span<const FramePiece> pieces;  // the first begins with device_header_bytes of the driver's
    // TCP checksum to be completed: where its range starts and where it goes, behind the Ethernet header's start; 0, 0:
    // none.
    std::uint16_t checksum_start;
    std::uint16_t checksum_offset;
    void* token;  // comes back when the device has read the frame
    // Of a frame to be cut: how many bytes its headers have, and the data behind those of each piece. 0: not to be cut.
    std::uint16_t header_bytes = 0;
    std::uint16_t segment_bytes = 0;
    bool is_ipv6 = false;
    std::uint32_t queue_pair = 0;  // of the device's queue_pairs()
};

// One buffer of a received frame. Whoever has it gives it back by release().
class ReceivedBuffer {
public:
    virtual void release() = 0;

protected:
    ~ReceivedBuffer() = default;
};

struct IncomingPiece {
    ReceivedBuffer* buffer;
    std::byte* data;
    std::size_t size_bytes;
};

// Takes what a driver has to tell, with the stack's lock held.
struct FrameSink {
    // The pieces' buffers are the sink's.
    virtual void on_frame(std::span<const IncomingPiece> pieces, bool checksum_is_right) = 0;
    virtual void on_sent(void* token) = 0;
    virtual void on_link(bool is_up) = 0;

protected:
    ~FrameSink() = default;
};

// All but notify() with the stack's lock held.
class NetDevice {
public:
    [[nodiscard]] virtual const NetDeviceFacts& facts() const = 0;
    // Of queues that are in use; may grow. Frames of one are sent in order.
    [[nodiscard]] virtual std::uint32_t queue_pairs() const { return 1; }
    // ENOBUFS: the device is busy; the frame is lost, as on a wire.
    virtual Result<> send(const OutgoingFrame& frame) = 0;
    // Shows the device what was sent, and gives it room to receive.
    virtual void flush() = 0;
    // Tells the device what the others of these calls have left to tell. Without the lock, which nobody should wait for
    // while this vCPU exits.
    virtual void notify() = 0;
    // Every second or so: room to receive that there was no memory for. Without any the device has no news to tell.
    virtual void refill() {}
    // Hands over what has happened.
    virtual void collect(FrameSink& sink) = 0;

protected:
    ~NetDevice() = default;
};

// Makes `device`, which lives as long as the VM, the next interface (eth0, ...), up but without an address. ENOMEM.
Result<> add_net_device(NetDevice& device);
// The devices may have news; for attention::devices. No lock held.
void serve_net_devices();

}  // namespace husk::net
