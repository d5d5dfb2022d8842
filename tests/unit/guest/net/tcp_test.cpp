// SPDX-License-Identifier: Apache-2.0
#include <netinet/tcp.h>

#include <doctest/doctest.h>

#include "guest-runtime/net/ip_options.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/tcp_table.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/support/net_fakes/packets.hpp"
#include "tests/unit/guest/net/socket_calls.hpp"

using namespace husk;
using namespace husk::test;

namespace {

constexpr std::uint32_t loopback = 0x7f000001;
constexpr std::uint64_t second = 1'000'000'000;

std::uint32_t connections() {
    net::StackGuard guard;
    return net::connection_count();
}

// Time passes, and the device works meanwhile.
void pass_seconds(unsigned count) {
    for (unsigned i = 0; i < 4 * count; ++i) {
        advance_clock_ns(second / 4);
        net::serve_net_devices();
    }
}

// What the guest has sent, as far as it is TCP.
std::vector<SentSegment> take_segments() {
    std::vector<SentSegment> segments;
    static std::deque<Frame> kept;
    kept = std::exchange(eth0().sent, {});
    eth0().asked.clear();
    for (const Frame& frame : kept) {
        SentSegment sent = segment_of(frame);
        if (sent.is_tcp) segments.push_back(sent);
    }
    return segments;
}

// Begins a connection to the peer; its SYN.
Segment begin(net::Socket& socket, std::uint16_t port) {
    eth0().sent.clear();
    CHECK(socket.connect(address_of(peer_ip, port)).error() == Errno::einprogress);
    eth0().deliver(arp_reply(peer_ip));
    for (const SentSegment& sent : take_segments()) {
        if (sent.segment.flags == syn) return sent.segment;
    }
    FAIL("no SYN");
    return {};
}

// A connection to the peer that is there; the guest's port and next sequence number.
Segment establish(net::Socket& socket, std::uint16_t port) {
    Segment first = begin(socket, port);
    eth0().deliver(tcp_frame({port, first.from_port, 5000, first.sequence + 1, syn | ack}));
    take_segments();
    CHECK(pending_error(socket) == Errno{});
    first.sequence += 1;
    return first;
}

}  // namespace

TEST_CASE("thousands of connections are found, each with its own bytes, and leave nothing behind") {
    std::uint32_t before = connections();
    constexpr int count = 3000;
    {
        SocketPtr listener = open_listener(loopback, 7000);
        REQUIRE(listener);
        std::vector<SocketPtr> clients, servers;
        for (int i = 0; i < count; ++i) {
            clients.push_back(open_socket(SOCK_STREAM));
            REQUIRE(clients.back()->connect(address_of(loopback, 7000)).ok());
            servers.push_back(listener->accept(fs::open_flag::non_block).value());
            if (i % 500 == 0) pass_seconds(1);
        }
        CHECK(connections() == before + 2 * count);
        for (int i = 0; i < count; ++i) REQUIRE(send_text(*clients[i], std::to_string(i)).ok());
        for (int i = 0; i < count; ++i) {
            std::string text = receive_text(*servers[i]);
            REQUIRE(text == std::to_string(port_of(servers[i]->peer_name().value()) == 0 ? -1 : i));
        }
    }
    pass_seconds(60);
    CHECK(connections() == before);
}

TEST_CASE("the whole of 127/8 is this machine") {
    SocketPtr listener = open_listener(0x7f000502, 7001);
    REQUIRE(listener);
    SocketPtr client = open_socket(SOCK_STREAM);
    CHECK(client->connect(address_of(0x7f000503, 7001)).error() == Errno::econnrefused);
    SocketPtr other = open_socket(SOCK_STREAM);
    REQUIRE(other->connect(address_of(0x7f000502, 7001)).ok());
    SocketPtr server = listener->accept(fs::open_flag::non_block).value();
    CHECK(ip_of(server->name().value()) == 0x7f000502);
    CHECK(ip_of(server->peer_name().value()) == loopback);
    REQUIRE(send_text(*other, "hello").ok());
    CHECK(receive_text(*server) == "hello");
}

TEST_CASE("a neighbour that does not tell its address is an unreachable host after three seconds") {
    eth0();
    SocketPtr socket = open_socket(SOCK_STREAM);
    CHECK(socket->connect(address_of(0x0a000063, 80)).error() == Errno::einprogress);
    pass_seconds(2);
    CHECK(pending_error(*socket) == Errno{});
    pass_seconds(2);
    CHECK(pending_error(*socket) == Errno::ehostunreach);
}

TEST_CASE("a peer that does not answer is given up after 127 seconds and seven attempts") {
    SocketPtr socket = open_socket(SOCK_STREAM);
    begin(*socket, 80);
    unsigned attempts = 1;
    for (int i = 0; i < 125; ++i) {
        pass_seconds(1);
        eth0().deliver(arp_reply(peer_ip));
        attempts += static_cast<unsigned>(take_segments().size());
    }
    CHECK(pending_error(*socket) == Errno{});
    pass_seconds(4);
    CHECK(pending_error(*socket) == Errno::etimedout);
    CHECK(attempts == 7);
}

TEST_CASE("an ICMP error ends an attempt to connect, one about another segment does not") {
    SocketPtr socket = open_socket(SOCK_STREAM);
    Segment first = begin(*socket, 81);
    // Quoted as it was on the wire: from the guest.
    auto quoted = [&](std::uint32_t sequence) {
        Frame frame = tcp_frame({first.from_port, 81, sequence, 0, syn});
        for (int i = 0; i < 4; ++i) std::swap(frame[14 + 12 + i], frame[14 + 16 + i]);
        return icmp_error_frame(3, 1, frame);
    };
    eth0().deliver(quoted(first.sequence + 100000));
    CHECK(pending_error(*socket) == Errno{});
    eth0().deliver(quoted(first.sequence));
    CHECK(pending_error(*socket) == Errno::ehostunreach);
}

TEST_CASE("TCP_USER_TIMEOUT ends a connection whose bytes nobody acknowledges") {
    SocketPtr socket = open_socket(SOCK_STREAM);
    REQUIRE(set_integer(*socket, net::level_tcp, TCP_USER_TIMEOUT, 5000).ok());
    establish(*socket, 82);
    REQUIRE(send_text(*socket, "into the void").ok());
    pass_seconds(4);
    CHECK(pending_error(*socket) == Errno{});
    pass_seconds(3);
    CHECK(receive_text(*socket) == failure(Errno::etimedout));
}

TEST_CASE("without it a connection waits a quarter of an hour, with a soft error it says why") {
    SocketPtr socket = open_socket(SOCK_STREAM);
    Segment next = establish(*socket, 83);
    REQUIRE(send_text(*socket, "into the void").ok());
    Frame frame = tcp_frame({next.from_port, 83, next.sequence, 5001, ack});
    for (int i = 0; i < 4; ++i) std::swap(frame[14 + 12 + i], frame[14 + 16 + i]);
    eth0().deliver(icmp_error_frame(3, 0, frame));
    for (int i = 0; i < 900; i += 10) {
        pass_seconds(10);
        eth0().deliver(arp_reply(peer_ip));
    }
    CHECK(receive_text(*socket) == failure(Errno::eagain));
    pass_seconds(30);
    CHECK(receive_text(*socket) == failure(Errno::enetunreach));
}

TEST_CASE("a flood of SYNs is bounded, and a connection still comes through") {
    std::uint32_t before = connections();
    {
        SocketPtr listener = open_listener(guest_ip, 84);
        REQUIRE(listener);
        eth0().deliver(arp_reply(peer_ip));
        for (std::uint32_t i = 0; i < 10000; ++i) {
            eth0().deliver(tcp_frame({static_cast<std::uint16_t>(1000 + i), 84, i, 0, syn}));
        }
        CHECK(connections() <= before + 4096);
        take_segments();
        eth0().deliver(tcp_frame({900, 84, 77, 0, syn}));
        std::vector<SentSegment> answers = take_segments();
        REQUIRE(answers.size() == 1);
        eth0().deliver(tcp_frame({900, 84, 78, answers[0].segment.sequence + 1, ack}));
        CHECK(listener->accept(fs::open_flag::non_block).ok());
    }
    pass_seconds(120);
    eth0().sent.clear();
    CHECK(connections() == before);
}

TEST_CASE("TCP_DEFER_ACCEPT waits for the first bytes") {
    SocketPtr listener = open_listener(loopback, 7002);
    REQUIRE(set_integer(*listener, net::level_tcp, TCP_DEFER_ACCEPT, 3).ok());
    SocketPtr client = open_socket(SOCK_STREAM), silent = open_socket(SOCK_STREAM);
    REQUIRE(client->connect(address_of(loopback, 7002)).ok());
    CHECK(listener->accept(0).error() == Errno::eagain);
    REQUIRE(send_text(*client, "now").ok());
    auto accepted = listener->accept(fs::open_flag::non_block);
    REQUIRE(accepted.ok());
    CHECK(receive_text(*accepted.value()) == "now");
    REQUIRE(silent->connect(address_of(loopback, 7002)).ok());
    pass_seconds(1);
    CHECK(listener->accept(0).error() == Errno::eagain);
    pass_seconds(4);
    CHECK(listener->accept(0).ok());
    SocketPtr last = open_socket(SOCK_STREAM);
    REQUIRE(last->connect(address_of(loopback, 7002)).ok());
    listener = {};
    CHECK(receive_text(*last) == failure(Errno::econnreset));
}
