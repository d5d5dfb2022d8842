// SPDX-License-Identifier: Apache-2.0
// Options of SOL_SOCKET that every kind of socket keeps.
#pragma once

#include <algorithm>
#include <cstdint>

#include "guest-runtime/net/peek_place.hpp"
#include "guest-runtime/net/remembered_options.hpp"
#include "guest-runtime/net/shared_value.hpp"

namespace husk::net {

inline constexpr int level_socket = 1;

// SO_*
namespace socket_option {
inline constexpr int debug = 1, reuse_address = 2, type = 3, error = 4, dont_route = 5, broadcast = 6, send_buffer = 7,
                     receive_buffer = 8, keep_alive = 9, out_of_band_inline = 10, no_check = 11, priority = 12,
                     linger = 13, reuse_port = 15, pass_credentials = 16, peer_credentials = 17, receive_low_water = 18,
                     send_low_water = 19, receive_timeout = 20, send_timeout = 21, bind_to_device = 25, timestamp = 29,
                     accepts_connections = 30, send_buffer_force = 32, receive_buffer_force = 33, timestamp_ns = 35,
                     mark = 36, protocol = 38, domain = 39, overflow_count = 40, peek_offset = 42, busy_poll = 46,
                     pacing_rate = 47, incoming_cpu = 49, incoming_napi_id = 56, bind_to_index = 62,
                     prefer_busy_poll = 69;
}  // namespace socket_option

// struct linger. One value: of two that are set at once, one is kept, and not a third that nobody asked for.
struct alignas(8) Linger {
    std::int32_t on;
    std::int32_t seconds;
};

// Values are read without a lock.
struct SocketOptions {
    static constexpr std::uint32_t default_buffer_bytes = 212992;  // net.core.rmem_default, wmem_default
    static constexpr std::uint32_t largest_buffer_bytes = 8 << 20;

    SharedValue<bool> reuse_address = false;
    SharedValue<bool> reuse_port = false;
    SharedValue<bool> keep_alive = false;
    SharedValue<bool> broadcast = false;
    SharedValue<bool> out_of_band_inline = false;
    SharedValue<bool> pass_credentials = false;
    SharedValue<bool> timestamp = false;
    SharedValue<bool> timestamp_ns = false;
    SharedValue<Linger> linger = Linger{0, 0};
    SharedValue<std::uint32_t> bound_interface = 0;  // SO_BINDTODEVICE; 0: any
    SharedValue<std::uint32_t> send_buffer_bytes = default_buffer_bytes;
    SharedValue<std::uint32_t> receive_buffer_bytes = default_buffer_bytes;
    SharedValue<std::uint64_t> receive_timeout_ns = 0;  // 0: none
    SharedValue<std::uint64_t> send_timeout_ns = 0;
    PeekOffset peek_offset = -1;  // SO_PEEK_OFF
    // As the stack counts interfaces; 255: one that is not there.
    [[nodiscard]] std::uint8_t stack_interface() const {
        return static_cast<std::uint8_t>(std::min<std::uint32_t>(bound_interface, 255));
    }
    RememberedOptions remembered;  // those of the levels above SOL_SOCKET too
};

}  // namespace husk::net
