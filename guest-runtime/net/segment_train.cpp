// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/segment_train.hpp"

#include <cstring>

#include <lwip/inet_chksum.h>
#include <lwip/prot/ethernet.h>
#include <lwip/prot/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>

#include "guest-runtime/net/partial_checksum.hpp"

namespace husk::net {

namespace {

constexpr std::size_t ethernet_bytes = SIZEOF_ETH_HDR;
// An IP packet's length has 16 bits; some devices count the Ethernet header in.
constexpr std::size_t largest_bytes = 65535;

std::uint16_t load16(const std::byte* at) {
    std::uint16_t value;
    std::memcpy(&value, at, sizeof value);
    return lwip_ntohs(value);
}

std::uint32_t load32(const std::byte* at) {
    std::uint32_t value;
    std::memcpy(&value, at, sizeof value);
    return lwip_ntohl(value);
}

void store16(std::byte* at, std::size_t value) {
    std::uint16_t word = lwip_htons(static_cast<std::uint16_t>(value));
    std::memcpy(at, &word, sizeof word);
}

unsigned byte_at(const std::byte* at) { return std::to_integer<unsigned>(*at); }

}  // namespace

struct SegmentTrain::Headers {
    const std::byte* bytes;
    std::size_t ip_bytes;
    std::size_t total_bytes;
    std::size_t payload_bytes;
    std::uint32_t sequence;
    bool is_ipv6;
    bool pushes;

    // False: no plain segment with data.
    bool read(const pbuf& frame) {
        bytes = static_cast<const std::byte*>(frame.payload);
        if (frame.len < ethernet_bytes + IP_HLEN + TCP_HLEN) return false;
        std::uint16_t type = load16(bytes + 12);
        const std::byte* ip = bytes + ethernet_bytes;
        is_ipv6 = type == ETHTYPE_IPV6;
        if (is_ipv6) {
            ip_bytes = IP6_HLEN;
            if (byte_at(ip + 6) != IP6_NEXTH_TCP) return false;
        } else {
            ip_bytes = (byte_at(ip) & 0xf) * 4;
            bool is_fragment = (load16(ip + 6) & (IP_MF | IP_OFFMASK)) != 0;
            if (type != ETHTYPE_IP || ip_bytes != IP_HLEN || byte_at(ip + 9) != IP_PROTO_TCP || is_fragment)
                return false;
        }
        if (frame.len < ethernet_bytes + ip_bytes + TCP_HLEN) return false;
        const std::byte* tcp = ip + ip_bytes;
        total_bytes = ethernet_bytes + ip_bytes + (byte_at(tcp + 12) >> 4) * 4;
        unsigned flags = byte_at(tcp + 13);
        if (frame.len < total_bytes || (flags & ~unsigned{TCP_PSH}) != TCP_ACK || frame.tot_len <= total_bytes)
            return false;
        payload_bytes = frame.tot_len - total_bytes;
        sequence = load32(tcp + 4);
        pushes = (flags & TCP_PSH) != 0;
        return true;
    }
};

// Apart from lengths, sums, numbers and PSH the headers must be the same.
bool SegmentTrain::follows(const Headers& headers) const {
    if (headers.is_ipv6 != is_ipv6_ || headers.total_bytes != header_bytes_ || headers.sequence != next_sequence_)
        return false;
    auto same = [&](std::size_t from, std::size_t to) {
        return std::memcmp(first_ + from, headers.bytes + from, to - from) == 0;
    };
    std::size_t ip = ethernet_bytes, tcp = ethernet_bytes + ip_bytes_;
    bool same_ip = is_ipv6_ ? same(ip, ip + 4) && same(ip + 6, tcp)
                            : same(ip, ip + 2) && same(ip + 6, ip + 10) && same(ip + 12, tcp);
    return same(0, ethernet_bytes) && same_ip && same(tcp, tcp + 4) && same(tcp + 8, tcp + 13) &&
           same(tcp + 14, tcp + 16) && same(tcp + TCP_HLEN, header_bytes_);
}

bool SegmentTrain::add_pieces(pbuf& frame, std::size_t skipped_bytes) {
    std::size_t before = piece_count_;
    FramePiece kept = before != 0 ? pieces_[before - 1] : FramePiece{};
    for (pbuf* part = &frame; part != nullptr; part = part->next) {
        std::size_t skipped = skipped_bytes < part->len ? skipped_bytes : part->len;
        skipped_bytes -= skipped;
        std::size_t size = part->len - skipped;
        if (size == 0) continue;
        auto* data = static_cast<std::byte*>(part->payload) + skipped;
        // Segments cut from one write lie one behind the other.
        if (piece_count_ != 0 && pieces_[piece_count_ - 1].data + pieces_[piece_count_ - 1].size_bytes == data) {
            pieces_[piece_count_ - 1].size_bytes += size;
            continue;
        }
        if (piece_count_ == pieces_.size()) {
            piece_count_ = before;
            if (before != 0) pieces_[before - 1] = kept;
            return false;
        }
        pieces_[piece_count_++] = {data, size};
    }
    return true;
}

bool SegmentTrain::add(pbuf& frame, bool with_ipv4, bool with_ipv6) {
    Headers headers{};
    if (!headers.read(frame) || !(headers.is_ipv6 ? with_ipv6 : with_ipv4)) return false;
    if (count_ != 0) {
        bool fits = count_ < most_frames && last_bytes_ == segment_bytes_ && headers.payload_bytes <= segment_bytes_ &&
                    header_bytes_ + payload_bytes_ + headers.payload_bytes <= largest_bytes;
        if (!fits || !follows(headers) || !add_pieces(frame, header_bytes_)) return false;
    } else {
        piece_count_ = 0;
        if (!add_pieces(frame, 0)) return false;
        first_ = static_cast<std::byte*>(frame.payload);
        // The driver's header is the first piece's beginning.
        pieces_[0].data -= device_header_bytes;
        pieces_[0].size_bytes += device_header_bytes;
        ip_bytes_ = headers.ip_bytes;
        header_bytes_ = headers.total_bytes;
        segment_bytes_ = headers.payload_bytes;
        payload_bytes_ = 0;
        is_ipv6_ = headers.is_ipv6;
    }
    frames_[count_++] = &frame;
    payload_bytes_ += headers.payload_bytes;
    last_bytes_ = headers.payload_bytes;
    next_sequence_ = headers.sequence + static_cast<std::uint32_t>(headers.payload_bytes);
    pushes_ = headers.pushes;
    return true;
}

OutgoingFrame SegmentTrain::finish() {
    std::byte* ip = first_ + ethernet_bytes;
    std::byte* tcp = ip + ip_bytes_;
    std::size_t tcp_bytes = header_bytes_ - ethernet_bytes - ip_bytes_ + payload_bytes_;
    if (is_ipv6_) {
        store16(ip + 4, tcp_bytes);
    } else {
        store16(ip + 2, ip_bytes_ + tcp_bytes);
        std::memset(ip + 10, 0, 2);
        std::uint16_t sum = inet_chksum(ip, static_cast<u16_t>(ip_bytes_));
        std::memcpy(ip + 10, &sum, sizeof sum);
    }
    if (pushes_) tcp[13] |= std::byte{TCP_PSH};
    std::uint16_t partial = pseudo_header_sum(ip, is_ipv6_, tcp_bytes);
    std::memcpy(tcp + offsetof(tcp_hdr, chksum), &partial, sizeof partial);
    OutgoingFrame frame{std::span(pieces_).first(piece_count_), static_cast<std::uint16_t>(ethernet_bytes + ip_bytes_),
                        static_cast<std::uint16_t>(offsetof(tcp_hdr, chksum)), nullptr};
    frame.is_ipv6 = is_ipv6_;
    frame.header_bytes = static_cast<std::uint16_t>(header_bytes_);
    frame.segment_bytes = static_cast<std::uint16_t>(segment_bytes_);
    return frame;
}

}  // namespace husk::net
