// SPDX-License-Identifier: Apache-2.0
// Initial sequence numbers that nobody outside can guess [rfc6528 3].
#include <array>
#include <cstring>

#include <lwip/ip_addr.h>

#include "guest-runtime/base/random.hpp"
#include "guest-runtime/net/lwip/hooks.h"
#include "guest-runtime/net/siphash.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace {

struct ConnectionName {
    std::uint32_t local[4];
    std::uint32_t remote[4];
    std::uint16_t local_port;
    std::uint16_t remote_port;
    std::uint32_t family;
};

// Guarded by the stack's lock.
constinit std::array<std::uint64_t, 2> key = {};

void put(std::uint32_t (&to)[4], const ip_addr_t& address) {
    if (IP_IS_V6(&address)) {
        std::memcpy(to, ip_2_ip6(&address)->addr, sizeof to);
    } else {
        to[0] = ip_2_ip4(&address)->addr;
    }
}

}  // namespace

u32_t husk_lwip_sequence_number(const ip_addr_t* local_ip, u16_t local_port, const ip_addr_t* remote_ip,
                                u16_t remote_port) {
    if (key[0] == 0) husk::fill_random(std::as_writable_bytes(std::span(key)));
    ConnectionName name{{}, {}, local_port, remote_port, IP_IS_V6(remote_ip) ? 6u : 4u};
    put(name.local, *local_ip);
    put(name.remote, *remote_ip);
    std::uint64_t hash = husk::net::siphash(key, std::as_bytes(std::span(&name, 1)));
    // A clock of 4 us ticks keeps numbers of one pair of addresses apart.
    return static_cast<u32_t>(hash + husk::thread::monotonic_ns() / 4000);
}
