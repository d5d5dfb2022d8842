// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/partial_checksum.hpp"

#include <lwip/pbuf.h>
#include <lwip/prot/ethernet.h>
#include <lwip/prot/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>

namespace husk::net {

namespace {

std::uint16_t load16(const std::byte* at) {
    std::uint16_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

}  // namespace

ChecksumPlace prepare_checksum(pbuf& frame) {
    auto* bytes = static_cast<std::byte*>(frame.payload);
    if (frame.len < SIZEOF_ETH_HDR + IP_HLEN + TCP_HLEN) return {};
    std::byte* ip = bytes + SIZEOF_ETH_HDR;
    std::uint16_t type = load16(bytes + 12);
    std::size_t header = 0;
    if (type == PP_HTONS(ETHTYPE_IP)) {
        header = (std::to_integer<std::size_t>(ip[0]) & 0xf) * 4;
        bool is_fragment = (load16(ip + 6) & PP_HTONS(IP_MF | IP_OFFMASK)) != 0;
        if (std::to_integer<unsigned>(ip[9]) != IP_PROTO_TCP || is_fragment) return {};
    } else if (type == PP_HTONS(ETHTYPE_IPV6)) {
        header = IP6_HLEN;
        if (std::to_integer<unsigned>(ip[6]) != IP6_NEXTH_TCP) return {};
    } else {
        return {};
    }
    ChecksumPlace place;
    place.start = static_cast<std::uint16_t>(SIZEOF_ETH_HDR + header);
    place.offset = offsetof(tcp_hdr, chksum);
    if (frame.len < place.start + TCP_HLEN) return {};
    std::size_t segment = frame.tot_len - place.start;
    std::uint16_t partial = pseudo_header_sum(ip, type == PP_HTONS(ETHTYPE_IPV6), segment);
    std::memcpy(bytes + place.start + place.offset, &partial, sizeof partial);
    return place;
}

}  // namespace husk::net
