// SPDX-License-Identifier: Apache-2.0
// Multicast groups that sockets have joined. All with the stack's lock held.
#pragma once

#include <cstdint>
#include <span>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/net/ip_options.hpp"

namespace husk::net {

class Socket;

// Whether it is one of IP_ADD_MEMBERSHIP, IP_MULTICAST_IF and their kin.
bool is_group_option(int level, int option);
// ENODEV for an interface that is not there, EADDRINUSE and EADDRNOTAVAIL for joining twice or leaving without.
Result<> change_group(Socket& member, int level, int option, std::span<const std::byte> value, IpOptions& options);
// The socket is closed.
void leave_all_groups(Socket& member);

}  // namespace husk::net
