// SPDX-License-Identifier: Apache-2.0
// What an interface has carried, as /proc/net/dev tells. With the stack's lock held.
#pragma once

#include <cstddef>
#include <cstdint>

struct netif;

namespace husk::net {

struct InterfaceCounters {
    std::uint64_t received_bytes = 0;
    std::uint64_t received_packets = 0;
    std::uint64_t received_drops = 0;
    std::uint64_t received_multicast = 0;
    std::uint64_t sent_bytes = 0;
    std::uint64_t sent_packets = 0;
    std::uint64_t sent_drops = 0;
};

// A packet from this machine to itself: sent and received by loopback.
void count_own_packet(std::size_t size_bytes);
const InterfaceCounters& counters_of(const netif& interface);

}  // namespace husk::net
