// SPDX-License-Identifier: Apache-2.0
// A frame in a device's buffers becomes a packet of lwIP's: copied when it is short, else where it lies.
#pragma once

#include <cstddef>
#include <span>

#include "guest-runtime/net/net_device.hpp"

struct pbuf;

namespace husk::net {

// Takes over the pieces' buffers. nullptr: it is no frame, or there is no memory.
pbuf* take_packet(std::span<const IncomingPiece> pieces);

}  // namespace husk::net
