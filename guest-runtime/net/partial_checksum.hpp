// SPDX-License-Identifier: Apache-2.0
// What a device wants to find in the checksum field that it completes: the pseudo header's sum [virtio 5.1.6.2].
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

struct pbuf;

namespace husk::net {

// Behind the Ethernet header's start; 0, 0: nowhere.
struct ChecksumPlace {
    std::uint16_t start = 0;
    std::uint16_t offset = 0;
};

// Leaves the pseudo header's sum in a TCP segment's checksum field. Of frames that carry no whole segment: nothing.
ChecksumPlace prepare_checksum(pbuf& frame);

// For a TCP segment of `segment_bytes` behind the IP header at `ip`; in network order, not inverted.
inline std::uint16_t pseudo_header_sum(const std::byte* ip, bool is_ipv6, std::size_t segment_bytes) {
    constexpr std::uint16_t tcp = 6;
    std::uint64_t sum =
        __builtin_bswap16(static_cast<std::uint16_t>(segment_bytes)) + std::uint64_t{__builtin_bswap16(tcp)};
    const std::byte* addresses = ip + (is_ipv6 ? 8 : 12);
    for (std::size_t i = 0; i < (is_ipv6 ? 32u : 8u); i += 2) {
        std::uint16_t word;
        std::memcpy(&word, addresses + i, sizeof word);
        sum += word;
    }
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

}  // namespace husk::net
