// SPDX-License-Identifier: Apache-2.0
// Records of rtnetlink(7) about this machine's interfaces.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/text.hpp"

namespace husk::net {

// struct nlmsghdr
struct NetlinkHeader {
    std::uint32_t size_bytes;  // with the header
    std::uint16_t type;
    std::uint16_t flags;
    std::uint32_t sequence;
    std::uint32_t port;
};
static_assert(sizeof(NetlinkHeader) == 16);

namespace netlink_type {
inline constexpr std::uint16_t error = 2, done = 3, new_link = 16, get_link = 18, new_address = 20, get_address = 22,
                               get_route = 26;
}
inline constexpr std::uint32_t netlink_port = 1;  // of every such socket: the process

// Appends a record for each interface, or each address of `family` (0: all).
void write_links(fs::Text& to, std::uint32_t sequence);
void write_addresses(fs::Text& to, std::uint32_t sequence, std::uint8_t family);
// NLMSG_DONE, or NLMSG_ERROR with `error` (a negated errno) and the request's header.
void write_done(fs::Text& to, std::uint32_t sequence);
void write_error(fs::Text& to, const NetlinkHeader& request, std::int32_t error);

}  // namespace husk::net
