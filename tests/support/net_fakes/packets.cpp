// SPDX-License-Identifier: Apache-2.0
#include "tests/support/net_fakes/packets.hpp"

#include <algorithm>

namespace husk::test {

namespace {

constexpr std::size_t ethernet_bytes = 14, ip_bytes = 20, tcp_bytes = 20;

void put16(Frame& to, unsigned value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8));
    to.push_back(static_cast<std::uint8_t>(value));
}
void put32(Frame& to, std::uint32_t value) {
    put16(to, value >> 16);
    put16(to, value & 0xffff);
}
unsigned get16(const Frame& from, std::size_t at) { return unsigned{from[at]} << 8 | from[at + 1]; }
std::uint32_t get32(const Frame& from, std::size_t at) {
    return std::uint32_t{get16(from, at)} << 16 | get16(from, at + 2);
}
void store16(Frame& to, std::size_t at, unsigned value) {
    to[at] = static_cast<std::uint8_t>(value >> 8);
    to[at + 1] = static_cast<std::uint8_t>(value);
}

Frame ethernet(unsigned type) {
    Frame frame = {0x52, 0x54, 0, 0, 0, 1, 0x52, 0x54, 0, 0, 0, 9};
    put16(frame, type);
    return frame;
}

std::uint32_t pseudo_sum(std::uint8_t protocol, std::size_t size) {
    Frame pseudo;
    put32(pseudo, peer_ip);
    put32(pseudo, guest_ip);
    put16(pseudo, protocol);
    put16(pseudo, static_cast<unsigned>(size));
    return sum_of(pseudo);
}

}  // namespace

std::uint32_t sum_of(std::span<const std::uint8_t> bytes, std::uint32_t sum) {
    for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? std::uint32_t{bytes[i]} << 8 : bytes[i];
    return sum;
}

std::uint16_t checksum_of(std::uint32_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

Frame ipv4_frame(std::uint8_t protocol, std::span<const std::uint8_t> payload, std::uint32_t from, std::uint32_t to) {
    Frame header = {0x45, 0};
    put16(header, static_cast<unsigned>(ip_bytes + payload.size()));
    put32(header, 0);
    header.push_back(64);
    header.push_back(protocol);
    put16(header, 0);
    put32(header, from);
    put32(header, to);
    store16(header, 10, checksum_of(sum_of(header)));
    Frame frame = ethernet(0x0800);
    frame.insert(frame.end(), header.begin(), header.end());
    frame.insert(frame.end(), payload.begin(), payload.end());
    return frame;
}

Frame tcp_frame(const Segment& segment) {
    Frame bytes;
    put16(bytes, segment.from_port);
    put16(bytes, segment.to_port);
    put32(bytes, segment.sequence);
    put32(bytes, segment.acknowledgement);
    bytes.push_back(static_cast<std::uint8_t>((tcp_bytes + segment.options.size()) / 4 << 4));
    bytes.push_back(segment.flags);
    put16(bytes, segment.window);
    put32(bytes, 0);
    bytes.insert(bytes.end(), segment.options.begin(), segment.options.end());
    bytes.insert(bytes.end(), segment.data.begin(), segment.data.end());
    store16(bytes, 16, checksum_of(sum_of(bytes, pseudo_sum(6, bytes.size()))));
    return ipv4_frame(6, bytes);
}

Frame udp_frame(std::uint16_t from_port, std::uint16_t to_port, std::string_view data) {
    Frame bytes;
    put16(bytes, from_port);
    put16(bytes, to_port);
    put16(bytes, static_cast<unsigned>(8 + data.size()));
    put16(bytes, 0);
    bytes.insert(bytes.end(), data.begin(), data.end());
    store16(bytes, 6, checksum_of(sum_of(bytes, pseudo_sum(17, bytes.size()))));
    return ipv4_frame(17, bytes);
}

Frame arp_reply(std::uint32_t ip) {
    Frame frame = ethernet(0x0806);
    put32(frame, 0x00010800);
    put16(frame, 0x0604);
    put16(frame, 2);
    frame.insert(frame.end(), {0x52, 0x54, 0, 0, 0, 9});
    put32(frame, ip);
    frame.insert(frame.end(), {0x52, 0x54, 0, 0, 0, 1});
    put32(frame, guest_ip);
    return frame;
}

Frame icmp_error_frame(std::uint8_t type, std::uint8_t code, std::span<const std::uint8_t> frame,
                       std::size_t quoted_bytes) {
    Frame message = {type, code};
    put16(message, 0);
    put32(message, 0);
    std::span<const std::uint8_t> quoted = frame.subspan(ethernet_bytes);
    quoted = quoted.first(std::min(quoted.size(), quoted_bytes));
    message.insert(message.end(), quoted.begin(), quoted.end());
    store16(message, 2, checksum_of(sum_of(message)));
    return ipv4_frame(1, message);
}

SentSegment segment_of(const Frame& frame) {
    constexpr std::size_t tcp_at = ethernet_bytes + ip_bytes;
    if (frame.size() < tcp_at + tcp_bytes || get16(frame, 12) != 0x0800 || frame[ethernet_bytes + 9] != 6) return {};
    std::size_t header = std::size_t{frame[tcp_at + 12]} / 16 * 4;
    std::size_t end = ethernet_bytes + get16(frame, ethernet_bytes + 2);
    Segment segment{static_cast<std::uint16_t>(get16(frame, tcp_at)),
                    static_cast<std::uint16_t>(get16(frame, tcp_at + 2)),
                    get32(frame, tcp_at + 4),
                    get32(frame, tcp_at + 8),
                    frame[tcp_at + 13],
                    static_cast<std::uint16_t>(get16(frame, tcp_at + 14))};
    const char* data = reinterpret_cast<const char*>(frame.data());
    segment.data = {data + tcp_at + header, end - tcp_at - header};
    return {true, segment};
}

}  // namespace husk::test
