// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/icmp_error.hpp"

#include <array>
#include <cstring>

namespace husk::net {

namespace {

constexpr std::size_t icmp_header_bytes = 8, port_bytes = 8, header4_bytes = 20, header6_bytes = 40;
constexpr std::uint8_t tcp = 6, udp = 17;

struct Meaning {
    Errno error;
    bool is_hard;
};

// By code, as Linux has them (icmp_err_convert).
constexpr std::array<Meaning, 16> unreachable4 = {{{Errno::enetunreach, false},
                                                   {Errno::ehostunreach, false},
                                                   {Errno::enoprotoopt, true},
                                                   {Errno::econnrefused, true},
                                                   {Errno::emsgsize, false},
                                                   {Errno::eopnotsupp, false},
                                                   {Errno::enetunreach, true},
                                                   {Errno::ehostdown, true},
                                                   {Errno::enonet, true},
                                                   {Errno::enetunreach, true},
                                                   {Errno::ehostunreach, true},
                                                   {Errno::enetunreach, false},
                                                   {Errno::ehostunreach, false},
                                                   {Errno::ehostunreach, true},
                                                   {Errno::ehostunreach, true},
                                                   {Errno::ehostunreach, true}}};
// And of ICMPv6 (tab_unreach).
constexpr std::array<Meaning, 7> unreachable6 = {{{Errno::enetunreach, false},
                                                  {Errno::eacces, true},
                                                  {Errno::ehostunreach, false},
                                                  {Errno::ehostunreach, false},
                                                  {Errno::econnrefused, true},
                                                  {Errno::eacces, true},
                                                  {Errno::eacces, true}}};

std::optional<Meaning> meaning4(unsigned type, unsigned code) {
    constexpr unsigned unreachable = 3, time_exceeded = 11, parameter_problem = 12;
    if (type == unreachable) return code < unreachable4.size() ? std::optional(unreachable4[code]) : std::nullopt;
    if (type == time_exceeded) return Meaning{Errno::ehostunreach, false};
    if (type == parameter_problem) return Meaning{Errno::eproto, true};
    return std::nullopt;
}

std::optional<Meaning> meaning6(unsigned type, unsigned code) {
    constexpr unsigned unreachable = 1, too_big = 2, time_exceeded = 3, parameter_problem = 4;
    if (type == unreachable) return code < unreachable6.size() ? unreachable6[code] : Meaning{Errno::eproto, true};
    if (type == too_big) return Meaning{Errno::emsgsize, false};
    if (type == time_exceeded) return Meaning{Errno::ehostunreach, false};
    if (type == parameter_problem) return Meaning{Errno::eproto, true};
    return std::nullopt;
}

std::uint16_t load16(const std::byte* at) {
    std::uint16_t value;
    std::memcpy(&value, at, sizeof value);
    return __builtin_bswap16(value);
}

std::uint32_t load32(const std::byte* at) {
    std::uint32_t value;
    std::memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

ip_addr_t address_at(const std::byte* at, bool is_ipv6) {
    std::uint32_t words[4] = {};
    std::memcpy(words, at, is_ipv6 ? 16 : 4);
    ip_addr_t address{};
    if (is_ipv6) {
        IP_ADDR6(&address, words[0], words[1], words[2], words[3]);
    } else {
        ip_addr_set_ip4_u32(&address, words[0]);
    }
    return address;
}

}  // namespace

std::optional<IcmpError> parse_icmp_error(std::span<const std::byte> message, bool is_ipv6) {
    std::size_t header = is_ipv6 ? header6_bytes : header4_bytes;
    if (message.size() < icmp_header_bytes + header + port_bytes) return std::nullopt;
    auto type = std::to_integer<std::uint8_t>(message[0]), code = std::to_integer<std::uint8_t>(message[1]);
    auto meaning = is_ipv6 ? meaning6(type, code) : meaning4(type, code);
    if (!meaning) return std::nullopt;
    const std::byte* ip = message.data() + icmp_header_bytes;
    auto first = std::to_integer<unsigned>(ip[0]);
    if (first >> 4 != (is_ipv6 ? 6u : 4u)) return std::nullopt;
    if (!is_ipv6) {
        header = (first & 0xf) * 4;
        bool is_later_fragment = (load16(ip + 6) & 0x1fff) != 0;
        if (header < header4_bytes || is_later_fragment) return std::nullopt;
        if (message.size() < icmp_header_bytes + header + port_bytes) return std::nullopt;
    }
    IcmpError error{meaning->error, meaning->is_hard, type, code, 0, 0, {}, {}, 0, 0};
    if (meaning->error == Errno::emsgsize) error.info = is_ipv6 ? load32(&message[4]) : load16(&message[6]);
    error.protocol = std::to_integer<std::uint8_t>(ip[is_ipv6 ? 6 : 9]);
    if (error.protocol != tcp && error.protocol != udp) return std::nullopt;
    error.local.address = address_at(ip + (is_ipv6 ? 8 : 12), is_ipv6);
    error.remote.address = address_at(ip + (is_ipv6 ? 24 : 16), is_ipv6);
    const std::byte* transport = ip + header;
    error.local.port = load16(transport);
    error.remote.port = load16(transport + 2);
    error.sequence = error.protocol == tcp ? load32(transport + 4) : 0;
    error.payload_offset = icmp_header_bytes + header + port_bytes;
    return error;
}

}  // namespace husk::net
