// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/icmp_error.hpp"

#include <doctest/doctest.h>

#include "tests/support/net_fakes/packets.hpp"

using namespace husk;
using namespace husk::net;

namespace {

std::span<const std::byte> message_in(const test::Frame& frame) { return std::as_bytes(std::span(frame)).subspan(34); }

}  // namespace

TEST_CASE("a port that is unreachable refuses the connection whose packet is quoted") {
    test::Frame sent = test::udp_frame(4000, 53, "question");
    auto error = parse_icmp_error(message_in(test::icmp_error_frame(3, 3, sent)), false);
    REQUIRE(error);
    CHECK(error->error == Errno::econnrefused);
    CHECK(error->is_hard);
    CHECK(error->protocol == 17);
    CHECK(error->local.port == 4000);
    CHECK(error->remote.port == 53);
    CHECK(lwip_ntohl(ip_2_ip4(&error->local.address)->addr) == test::peer_ip);
    CHECK(error->payload_offset == 8 + 20 + 8);
}

TEST_CASE("a TCP segment is told by its sequence number") {
    test::Frame sent = test::tcp_frame({4000, 80, 0x12345678, 0, test::syn});
    auto error = parse_icmp_error(message_in(test::icmp_error_frame(3, 1, sent)), false);
    REQUIRE(error);
    CHECK(error->error == Errno::ehostunreach);
    CHECK_FALSE(error->is_hard);
    CHECK(error->sequence == 0x12345678);
}

TEST_CASE("what is cut off, later fragments and other protocols name no socket") {
    test::Frame sent = test::udp_frame(4000, 53, "question");
    for (std::size_t bytes = 0; bytes < 28; ++bytes) {
        CHECK_FALSE(parse_icmp_error(message_in(test::icmp_error_frame(3, 3, sent, bytes)), false));
    }
    test::Frame fragment = sent;
    fragment[14 + 7] = 4;
    CHECK_FALSE(parse_icmp_error(message_in(test::icmp_error_frame(3, 3, fragment)), false));
    test::Frame other = sent;
    other[14 + 9] = 1;
    CHECK_FALSE(parse_icmp_error(message_in(test::icmp_error_frame(3, 3, other)), false));
    test::Frame long_header = sent;
    long_header[14] = 0x4f;
    CHECK_FALSE(parse_icmp_error(message_in(test::icmp_error_frame(3, 3, long_header)), false));
    CHECK_FALSE(parse_icmp_error(message_in(test::icmp_error_frame(0, 0, sent)), false));
    CHECK_FALSE(parse_icmp_error(message_in(test::icmp_error_frame(3, 16, sent)), false));
    CHECK_FALSE(parse_icmp_error(message_in(test::icmp_error_frame(3, 3, sent)), true));
}
