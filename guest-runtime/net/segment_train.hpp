// SPDX-License-Identifier: Apache-2.0
// Consecutive TCP segments of one connection as one large frame, which the device cuts apart again (TSO).
//
// lwIP makes segments of the path's MSS and sends a window of them in one go. The first lends its headers to all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "guest-runtime/net/net_device.hpp"

struct pbuf;

namespace husk::net {

class SegmentTrain {
public:
    static constexpr std::size_t most_frames = 48;
    static constexpr std::size_t most_pieces = 62;

    [[nodiscard]] bool is_empty() const { return count_ == 0; }
    // `frame` from its Ethernet header on, with room for the driver's header in front. Refers to it, and takes no
    // reference. False: it does not belong here; what there is has to be sent first, and then perhaps the frame alone.
    bool add(pbuf& frame, bool with_ipv4, bool with_ipv6);
    [[nodiscard]] std::span<pbuf* const> frames() const { return std::span(frames_).first(count_); }
    [[nodiscard]] std::size_t size_bytes() const { return header_bytes_ + payload_bytes_; }
    // Makes the first frame's headers say what all carry together. `token` is left to the caller.
    OutgoingFrame finish();
    void clear() { count_ = 0; }

private:
    struct Headers;
    [[nodiscard]] bool follows(const Headers& headers) const;
    bool add_pieces(pbuf& frame, std::size_t skipped_bytes);

    std::array<pbuf*, most_frames> frames_{};
    std::size_t count_ = 0;
    std::array<FramePiece, most_pieces> pieces_{};
    std::size_t piece_count_ = 0;
    std::byte* first_ = nullptr;  // the first frame's Ethernet header
    std::size_t ip_bytes_ = 0;    // of its IP header
    std::size_t header_bytes_ = 0;
    std::size_t payload_bytes_ = 0;
    std::size_t segment_bytes_ = 0;
    std::size_t last_bytes_ = 0;  // of the last segment
    std::uint32_t next_sequence_ = 0;
    bool is_ipv6_ = false;
    bool pushes_ = false;
};

}  // namespace husk::net
