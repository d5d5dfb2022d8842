// SPDX-License-Identifier: Apache-2.0
// What a new connection has of its listener, as the listener's options were when the connection was made: on Linux the
// new socket is a copy of that moment's, whenever accept() takes it.
#pragma once

#include "guest-runtime/base/ref_ptr.hpp"
#include "guest-runtime/net/ip_options.hpp"
#include "guest-runtime/net/socket_options.hpp"

namespace husk::net {

// Never changed once a listener has it: connections share it.
struct InheritedOptions final : RefCounted {
    SocketOptions options;
    IpOptions ip;
    bool corked = false;
    bool quick_acks = true;
    bool tells_unread = false;
};

}  // namespace husk::net
