// SPDX-License-Identifier: Apache-2.0
// Names of UNIX-domain sockets: abstract ones, and inodes of the file tree.
#pragma once

#include "guest-runtime/net/unix_endpoint.hpp"

namespace husk::net {

// EADDRINUSE, EINVAL (bound already, or no such address), and what creating a name in the file tree gives.
Result<> bind_unix_name(UnixEndpoint& endpoint, const Address& address);
// ECONNREFUSED when nobody has that name, EPROTOTYPE when its type is another.
Result<RefPtr<UnixEndpoint>> find_unix_name(const Address& address, SocketType type);
void release_unix_name(UnixEndpoint& endpoint);
// Of two bytes (the family) while it has none.
Address unix_name_of(UnixEndpoint& endpoint);

}  // namespace husk::net
