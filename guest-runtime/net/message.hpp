// SPDX-License-Identifier: Apache-2.0
// One send or receive: the bytes, the other side's address, flags and control data.
#pragma once

#include <cstdint>
#include <optional>

#include "guest-runtime/fs/io_buffer.hpp"
#include "guest-runtime/net/address.hpp"
#include "guest-runtime/net/passed_files.hpp"

namespace husk::net {

// MSG_*
namespace message_flag {
inline constexpr std::uint32_t out_of_band = 0x1;
inline constexpr std::uint32_t peek = 0x2;
inline constexpr std::uint32_t dont_route = 0x4;
inline constexpr std::uint32_t control_truncated = 0x8;
inline constexpr std::uint32_t truncated = 0x20;
inline constexpr std::uint32_t dont_wait = 0x40;
inline constexpr std::uint32_t end_of_record = 0x80;
inline constexpr std::uint32_t wait_all = 0x100;
inline constexpr std::uint32_t error_queue = 0x2000;
inline constexpr std::uint32_t no_signal = 0x4000;
inline constexpr std::uint32_t more = 0x8000;
inline constexpr std::uint32_t wait_for_one = 0x10000;
inline constexpr std::uint32_t close_on_exec = 0x4000'0000;
}  // namespace message_flag

// struct ucred
struct Credentials {
    std::int32_t pid;
    std::uint32_t user;
    std::uint32_t group;
};

// Where a datagram arrived, or by which address and interface it is to leave (IP_PKTINFO, IPV6_PKTINFO).
struct PacketInfo {
    bool is_ipv6;
    std::uint32_t interface;
    std::array<std::byte, 16> address;  // network order; of IPv4 the first four bytes
};

// What IP_RECVERR tells: the fields of struct sock_extended_err, and who reported the error.
struct QueuedError {
    std::uint32_t number;
    std::uint8_t origin;  // SO_EE_ORIGIN_*
    std::uint8_t type;
    std::uint8_t code;
    std::uint32_t info;
    bool is_ipv6_level;
    Address offender;
};

struct Control {
    PassedFiles files;
    std::optional<Credentials> credentials;
    std::optional<std::int64_t> timestamp_ns;  // since 1970
    bool timestamp_is_precise = false;         // SO_TIMESTAMPNS rather than SO_TIMESTAMP
    std::optional<PacketInfo> packet;
    std::optional<std::uint8_t> hop_limit;      // IP_TTL, IPV6_HOPLIMIT
    std::optional<std::uint8_t> traffic_class;  // IP_TOS, IPV6_TCLASS
    std::optional<QueuedError> error;
    std::optional<std::int32_t> unread_bytes;    // TCP_INQ
    std::optional<std::uint16_t> segment_bytes;  // UDP_SEGMENT
};

struct OutgoingMessage {
    fs::IoBuffer& data;
    Address to;  // empty: the connected peer
    std::uint32_t flags = 0;
    Control control;
};

struct IncomingMessage {
    fs::IoBuffer& data;
    std::uint32_t flags = 0;
    Address from;
    std::uint32_t result_flags = 0;  // MSG_TRUNC, MSG_CTRUNC, MSG_EOR
    Control control;
};

}  // namespace husk::net
