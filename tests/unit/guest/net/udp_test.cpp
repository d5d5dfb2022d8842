// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/support/net_fakes/packets.hpp"
#include "tests/unit/guest/net/socket_calls.hpp"

using namespace husk;
using namespace husk::test;

namespace {

constexpr std::uint32_t loopback = 0x7f000001;

}  // namespace

TEST_CASE("a connected socket hears that nobody listens, an unconnected one does not") {
    SocketPtr socket = open_socket(SOCK_DGRAM);
    REQUIRE(send_text(*socket, "anybody?", address_of(loopback, 9)).ok());
    CHECK(pending_error(*socket) == Errno{});
    REQUIRE(socket->connect(address_of(loopback, 9)).ok());
    REQUIRE(send_text(*socket, "anybody?").ok());
    CHECK(receive_text(*socket) == failure(Errno::econnrefused));
    CHECK(receive_text(*socket) == failure(Errno::eagain));
}

TEST_CASE("IP_RECVERR keeps what did not arrive and who said so") {
    SocketPtr socket = open_socket(SOCK_DGRAM);
    constexpr int ip_receive_errors = 11;
    REQUIRE(set_integer(*socket, 0, ip_receive_errors, 1).ok());
    REQUIRE(send_text(*socket, "anybody?", address_of(loopback, 9)).ok());
    CHECK((socket->poll(0) & 8) != 0);
    std::string text(64, '\0');
    fs::IoBuffer data = fs::IoBuffer::of_runtime(std::as_writable_bytes(std::span(text)));
    net::IncomingMessage message{.data = data, .flags = net::message_flag::error_queue, .from = {}, .control = {}};
    auto got = socket->receive(message);
    REQUIRE(got.ok());
    CHECK(got.value() == 0);  // lwIP quotes no more than UDP's header
    CHECK(port_of(message.from) == 9);
    REQUIRE(message.control.error);
    CHECK(message.control.error->number == static_cast<std::uint32_t>(Errno::econnrefused));
    CHECK(ip_of(message.control.error->offender) == loopback);
    CHECK(pending_error(*socket) == Errno{});
    CHECK((socket->poll(0) & 8) == 0);
}

TEST_CASE("an ICMP error with a wrong checksum, or about an address of somebody else, is nobody's") {
    eth0().deliver(arp_reply(peer_ip));
    SocketPtr socket = open_socket(SOCK_DGRAM);
    REQUIRE(socket->connect(address_of(peer_ip, 53)).ok());
    eth0().sent.clear();
    REQUIRE(send_text(*socket, "question").ok());
    REQUIRE(eth0().sent.size() == 1);
    Frame wrong = icmp_error_frame(3, 3, eth0().sent[0]);
    wrong[14 + 20 + 2] ^= 1;
    eth0().deliver(wrong);
    CHECK(pending_error(*socket) == Errno{});
    Frame foreign = eth0().sent[0];
    foreign[14 + 15] ^= 1;
    eth0().deliver(icmp_error_frame(3, 3, foreign));
    CHECK(pending_error(*socket) == Errno{});
    eth0().deliver(icmp_error_frame(3, 3, eth0().sent[0]));
    CHECK(pending_error(*socket) == Errno::econnrefused);
}
