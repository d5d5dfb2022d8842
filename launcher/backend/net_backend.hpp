// SPDX-License-Identifier: Apache-2.0
// What stands behind a network device on the host: it takes and gives Ethernet frames, each behind a virtio-net header.
//
// Frames are pieces of memory that the guest may change meanwhile. Nothing here blocks; one thread at a time.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <husk/abi/virtio/net.hpp>

namespace husk::backend {

inline constexpr std::size_t net_header_bytes = sizeof(abi::virtio::NetHeader);
inline constexpr std::size_t ethernet_header_bytes = 14;
// The longest frame that any backend gives: an IP packet of 64 KiB that was not segmented, with a VLAN tag.
inline constexpr std::size_t longest_frame_bytes = 65535 + ethernet_header_bytes + 4;

// What one side leaves to the other, in one direction.
struct NetOffloads {
    bool checksum = false;
    bool tso4 = false;
    bool tso6 = false;
    bool uso = false;
    friend bool operator==(const NetOffloads&, const NetOffloads&) = default;
};

enum class FrameStatus {
    done,
    again,    // sending: no room now. Receiving: there is no frame
    dropped,  // this frame cannot be sent, the next one may
    gone,     // what stood behind the backend is no more
};

struct ReceivedFrame {
    FrameStatus status = FrameStatus::again;
    std::size_t size_bytes = 0;  // header included
};

class NetBackend {
public:
    virtual ~NetBackend() = default;

    // What it can take from the guest, and give to one that accepts it.
    [[nodiscard]] virtual NetOffloads offloads() const { return {}; }
    [[nodiscard]] virtual std::uint32_t queue_pairs() const { return 1; }
    [[nodiscard]] virtual std::uint32_t mtu() const = 0;

    // Whether only the kernel stands behind it, and no process that waits for what is received.
    [[nodiscard]] virtual bool is_kernel_device() const { return false; }

    // What frames to the guest may look like from now on.
    virtual void accept_offloads(const NetOffloads&) {}
    // Only the first `count` queues are served from now on.
    virtual void use_queues(std::uint32_t) {}

    // Becomes readable when there is a frame, or when the backend is gone.
    [[nodiscard]] virtual int ready_fd(std::uint32_t queue) const = 0;

    // frame: a header and a frame of at least ethernet_header_bytes.
    [[nodiscard]] virtual FrameStatus send(std::uint32_t queue, std::span<const iovec> frame) = 0;

    // Stores the next frame behind its header. What does not fit into `room` is lost, so that it has to have
    // net_header_bytes + longest_frame_bytes where large frames were accepted, and else + mtu() + ethernet_header_bytes
    // + 4. In the header buffer_count is left alone.
    [[nodiscard]] virtual ReceivedFrame receive(std::uint32_t queue, std::span<const iovec> room) = 0;

    // Behind "... is gone": what more is known of a backend that is; starts with a comma, or is empty. May take some
    // ms.
    [[nodiscard]] virtual std::string why_gone() { return {}; }

    // When to call receive() although nothing became readable, CLOCK_MONOTONIC; UINT64_MAX: never.
    [[nodiscard]] virtual std::uint64_t deadline_ns() const { return UINT64_MAX; }
};

}  // namespace husk::backend
