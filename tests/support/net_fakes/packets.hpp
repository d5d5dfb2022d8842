// SPDX-License-Identifier: Apache-2.0
// Frames as a peer on the wire makes them, checksums included.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "tests/support/net_fakes/fake_net_device.hpp"

namespace husk::test {

inline constexpr std::uint32_t guest_ip = 0x0a000002, peer_ip = 0x0a000009;

struct Segment {
    std::uint16_t from_port, to_port;
    std::uint32_t sequence, acknowledgement;
    std::uint8_t flags;
    std::uint16_t window = 65535;
    std::string_view data = {};
    Frame options = {};
};
inline constexpr std::uint8_t fin = 1, syn = 2, rst = 4, psh = 8, ack = 16;

// Internet checksum of bytes, in host order; `sum` continues one.
std::uint32_t sum_of(std::span<const std::uint8_t> bytes, std::uint32_t sum = 0);
std::uint16_t checksum_of(std::uint32_t sum);

// Ethernet and IPv4 around a payload, from the peer to the guest.
Frame ipv4_frame(std::uint8_t protocol, std::span<const std::uint8_t> payload, std::uint32_t from = peer_ip,
                 std::uint32_t to = guest_ip);
Frame tcp_frame(const Segment& segment);
Frame udp_frame(std::uint16_t from_port, std::uint16_t to_port, std::string_view data);
// The peer, or the router, tells its hardware address.
Frame arp_reply(std::uint32_t ip);
// An ICMP message that quotes a frame of the guest's: its IP header and what follows, cut after `quoted_bytes`.
Frame icmp_error_frame(std::uint8_t type, std::uint8_t code, std::span<const std::uint8_t> frame,
                       std::size_t quoted_bytes = 28);

// What the guest sent, taken apart; `is_tcp` false for anything else.
struct SentSegment {
    bool is_tcp = false;
    Segment segment;
};
SentSegment segment_of(const Frame& frame);

}  // namespace husk::test
