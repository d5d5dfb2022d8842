// SPDX-License-Identifier: Apache-2.0
// Options of SOL_SOCKET that every kind of socket keeps.
#pragma once

#include <atomic>
#include <cstdint>

namespace husk::net {

inline constexpr int level_socket = 1;

// SO_*
namespace socket_option {
inline constexpr int debug = 1, reuse_address = 2, type = 3, error = 4, dont_route = 5, broadcast = 6, send_buffer = 7,
                     receive_buffer = 8, keep_alive = 9, out_of_band_inline = 10, no_check = 11, priority = 12,
                     linger = 13, reuse_port = 15, pass_credentials = 16, peer_credentials = 17, receive_low_water = 18,
                     send_low_water = 19, receive_timeout = 20, send_timeout = 21, bind_to_device = 25, timestamp = 29,
                     accepts_connections = 30, send_buffer_force = 32, receive_buffer_force = 33, timestamp_ns = 35,
                     mark = 36, protocol = 38, domain = 39, busy_poll = 46, incoming_cpu = 49, zero_copy = 60;
}  // namespace socket_option

// Values are read without a lock.
struct SocketOptions {
    static constexpr std::uint32_t default_buffer_bytes = 212992;  // net.core.rmem_default, wmem_default
    static constexpr std::uint32_t largest_buffer_bytes = 8 << 20;

    std::atomic<bool> reuse_address = false;
    std::atomic<bool> reuse_port = false;
    std::atomic<bool> keep_alive = false;
    std::atomic<bool> broadcast = false;
    std::atomic<bool> out_of_band_inline = false;
    std::atomic<bool> pass_credentials = false;
    std::atomic<bool> debug = false;
    std::atomic<bool> dont_route = false;
    std::atomic<bool> no_check = false;
    std::atomic<bool> timestamp = false;
    std::atomic<bool> timestamp_ns = false;
    std::atomic<bool> lingers = false;
    std::atomic<std::int32_t> linger_seconds = 0;
    std::atomic<std::int32_t> priority = 0;
    std::atomic<std::int32_t> mark = 0;
    std::atomic<std::uint32_t> bound_interface = 0;  // SO_BINDTODEVICE; 0: any
    std::atomic<std::int32_t> receive_low_water = 1;
    std::atomic<std::uint32_t> send_buffer_bytes = default_buffer_bytes;
    std::atomic<std::uint32_t> receive_buffer_bytes = default_buffer_bytes;
    std::atomic<std::uint64_t> receive_timeout_ns = 0;  // 0: none
    std::atomic<std::uint64_t> send_timeout_ns = 0;
};

}  // namespace husk::net
