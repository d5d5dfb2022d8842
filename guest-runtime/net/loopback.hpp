// SPDX-License-Identifier: Apache-2.0
// Packets that this machine sends to itself, by 127/8 or by an address of its own. With the stack's lock held.
#pragma once

namespace husk::net {

// Lets lwIP have what waits; each packet may bring forth another.
void receive_own_packets();

}  // namespace husk::net
