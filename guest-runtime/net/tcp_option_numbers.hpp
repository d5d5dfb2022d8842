// SPDX-License-Identifier: Apache-2.0
// TCP_*: options of the level TCP.
#pragma once

namespace husk::net::tcp_option {

inline constexpr int no_delay = 1, max_segment = 2, cork = 3, keep_idle = 4, keep_interval = 5, keep_count = 6,
                     syn_count = 7, linger2 = 8, defer_accept = 9, window_clamp = 10, info = 11, quick_ack = 12,
                     congestion = 13, user_timeout = 18, fast_open = 23, not_sent_low_water = 25,
                     fast_open_connect = 30, unread = 36;

}  // namespace husk::net::tcp_option
