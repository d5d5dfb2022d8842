// SPDX-License-Identifier: Apache-2.0
// UDP_*: options of the level UDP.
#pragma once

namespace husk::net::udp_option {

inline constexpr int segment = 103, receive_segments = 104;

}  // namespace husk::net::udp_option
