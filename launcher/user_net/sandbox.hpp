// SPDX-License-Identifier: Apache-2.0
// Takes from this process what carrying frames does not need, before the guest's first frame is read: libslirp parses
// what a hostile guest and a hostile network send.
//
//   close_inherited(frame_socket);      // first of all
//   ... sockets of published ports are bound
//   if (!enter_sandbox(why)) ...
//
// What is left: the frame socket, stderr, sockets of IPv4 and IPv6, and files that anyone may read below /etc and in
// the folder where /etc/resolv.conf leads.
#pragma once

#include <string>

namespace husk::user_net {

// Descriptors above `last`, which whoever started the launcher may have left open.
void close_inherited(int last);

// Gives up root, capabilities, the file system and most system calls, for good. What the host's kernel does not have
// (Landlock) or allow (another user id) is left out, but for the system calls. false: `why` says what failed.
[[nodiscard]] bool enter_sandbox(std::string& why);

}  // namespace husk::user_net
