// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/support/guest_fakes/machine.hpp"
#include "tests/support/net_fakes/packets.hpp"
#include "tests/unit/guest/net/socket_calls.hpp"

using namespace husk;
using namespace husk::test;

// AddressSanitizer watches what lwIP reads.
TEST_CASE("frames that are cut off, or come in the smallest pieces, do no harm") {
    eth0().deliver(arp_reply(peer_ip));
    SocketPtr listener = open_listener(guest_ip, 90);
    REQUIRE(listener);
    const Frame frames[] = {arp_reply(peer_ip), udp_frame(1, 2, "data"), tcp_frame({1, 90, 5, 0, syn})};
    for (const Frame& frame : frames) {
        for (std::size_t size = 0; size <= frame.size(); ++size) {
            for (std::size_t piece : {1, 7, 4096}) eth0().deliver(std::span(frame).first(size), piece);
        }
    }
    listener = {};
    advance_clock_ns(60'000'000'000);
    eth0().sent.clear();
    eth0().asked.clear();
}

TEST_CASE("a frame that comes in small pieces is received as one") {
    eth0().deliver(arp_reply(peer_ip));
    SocketPtr socket = open_socket(SOCK_DGRAM);
    REQUIRE(socket->bind(address_of(guest_ip, 91)).ok());
    for (std::size_t size : {1, 400, 600, 1400}) {
        std::string data(size, 'd');
        for (std::size_t piece : {1, 7, 50, 700, 4096}) {
            eth0().deliver(udp_frame(53, 91, data), piece);
            CHECK(receive_text(*socket) == data);
        }
    }
}
