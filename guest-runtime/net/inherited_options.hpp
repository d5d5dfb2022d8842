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
    InheritedOptions(const SocketOptions& of_socket, const IpOptions& of_ip, bool is_corked, bool acks_quickly,
                     bool does_tell_unread)
        : options(of_socket), ip(of_ip), corked(is_corked), quick_acks(acks_quickly), tells_unread(does_tell_unread) {}

    SocketOptions options;
    IpOptions ip;
    bool corked;
    bool quick_acks;
    bool tells_unread;
};

}  // namespace husk::net
