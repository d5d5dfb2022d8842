// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/flow_steering.hpp"

#include <doctest/doctest.h>

#include "tests/support/net_fakes/packets.hpp"

using namespace husk;
using namespace husk::test;
using net::FlowSteering;

namespace {

std::uint32_t hash_of(const Frame& frame) { return net::flow_hash(std::as_bytes(std::span(frame))); }

Frame ipv6_udp_frame(std::uint8_t last_address_byte, std::uint8_t last_port_byte) {
    Frame frame(14 + 40 + 8);
    frame[12] = 0x86;
    frame[13] = 0xdd;
    frame[14 + 6] = 17;
    frame[14 + 39] = last_address_byte;
    frame[14 + 40 + 1] = last_port_byte;
    return frame;
}

}  // namespace

TEST_CASE("a flow is its addresses and ports") {
    const std::uint32_t first = hash_of(tcp_frame({1000, 80, 1, 1, ack}));
    CHECK(first != 0);
    CHECK(hash_of(tcp_frame({1000, 80, 777, 5, ack | psh, 100, "data"})) == first);
    CHECK(hash_of(tcp_frame({1001, 80, 1, 1, ack})) != first);
    CHECK(hash_of(tcp_frame({1000, 81, 1, 1, ack})) != first);
    const Frame payload(20);
    CHECK(hash_of(ipv4_frame(1, payload)) == hash_of(ipv4_frame(47, payload)));
    CHECK(hash_of(ipv4_frame(1, payload, peer_ip + 1)) != hash_of(ipv4_frame(1, payload)));
    CHECK(hash_of(ipv6_udp_frame(1, 2)) == hash_of(ipv6_udp_frame(1, 2)));
    CHECK(hash_of(ipv6_udp_frame(1, 2)) != hash_of(ipv6_udp_frame(1, 3)));
    CHECK(hash_of(ipv6_udp_frame(1, 2)) != hash_of(ipv6_udp_frame(2, 2)));
}

TEST_CASE("fragments of one datagram are one flow, and what is cut off has one too") {
    Frame first = udp_frame(7, 8, "some data"), later = first;
    first[14 + 6] = 0x20;  // more fragments
    later[14 + 7] = 100;   // an offset
    later[14 + 20] = 99;   // no port
    CHECK(hash_of(first) == hash_of(later));
    for (const Frame& frame : {tcp_frame({1, 2, 3, 4, ack}), ipv6_udp_frame(1, 2), arp_reply(peer_ip)}) {
        for (std::size_t size = 0; size < frame.size(); ++size)
            static_cast<void>(net::flow_hash(std::as_bytes(std::span(frame)).first(size)));
    }
    Frame long_header = tcp_frame({1, 2, 3, 4, ack});
    long_header[14] = 0x4f;  // beyond the frame
    CHECK(hash_of(long_header) != 0);
}

TEST_CASE("a flow follows the application's vCPU, once what was sent before is read") {
    FlowSteering steering;
    CHECK(steering.choose(5, 1, false) == 1);  // has none yet
    steering.begin(5);
    CHECK(steering.choose(5, 0, true) == 1);
    steering.begin(5);
    steering.end(5);
    CHECK(steering.choose(5, 0, true) == 1);
    steering.end(5);
    CHECK(steering.choose(5, 0, false) == 1);  // the stack's own answer
    CHECK(steering.choose(5, 0, true) == 0);
    CHECK(steering.choose(6, 1, true) == 1);
    CHECK(steering.choose(5, 1, false) == 0);
}
