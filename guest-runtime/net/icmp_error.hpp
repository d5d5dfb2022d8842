// SPDX-License-Identifier: Apache-2.0
// ICMP and ICMPv6 messages that tell of a packet which did not arrive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "guest-runtime/base/errno.hpp"
#include "guest-runtime/net/inet_address.hpp"

namespace husk::net {

struct IcmpError {
    Errno error;
    bool is_hard;  // an error of a connected socket even when it did not ask for all of them
    std::uint8_t type;
    std::uint8_t code;
    std::uint32_t info;  // the MTU of a packet too big; else 0
    std::uint8_t protocol;
    InetEndpoint local;          // who had sent the packet
    InetEndpoint remote;         // and to whom
    std::uint32_t sequence;      // of TCP
    std::size_t payload_offset;  // of UDP's, from the message's beginning
};

// The longest beginning of a message that parse_icmp_error() looks at.
inline constexpr std::size_t icmp_error_bytes = 8 + 60 + 8;

// `message` from the ICMP header on, its checksum right. Nothing for what is no error, or too short to tell whose.
std::optional<IcmpError> parse_icmp_error(std::span<const std::byte> message, bool is_ipv6);

}  // namespace husk::net
