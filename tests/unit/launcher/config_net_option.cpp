// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/net_option.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace husk::config;

namespace {

NetConfig parsed(std::string_view text) {
    NetConfig net;
    CHECK(parse_net(text, net) == "");
    return net;
}

std::string complaint(std::string_view text) {
    NetConfig net;
    std::string wrong = parse_net(text, net);
    return wrong.empty() ? check_networks(std::vector{net}) : wrong;
}

}  // namespace

TEST_CASE("a network is a backend and keys") {
    CHECK(parsed("user").kind == NetKind::user);
    const NetConfig tap =
        parsed("tap:tap0,ip=10.0.0.2/24,gateway=10.0.0.1,dns=10.0.0.1,queues=2,mac=52:54:00:aa:bb:0c");
    CHECK(tap.kind == NetKind::tap);
    CHECK(tap.name == "tap0");
    CHECK(tap.addresses == std::vector<std::string>{"10.0.0.2/24"});
    CHECK(tap.queue_pairs == 2);
    CHECK(tap.mac == MacAddress{0x52, 0x54, 0, 0xaa, 0xbb, 0x0c});
    CHECK(parsed("tapfd:7").fd == 7);
    CHECK(parsed("stream:127.0.0.1:1234,listen").listens);
    CHECK(parsed("tap:tap0,vhost").vhost);
    CHECK(parsed("tap:tap0,vhost,queues=2").queue_pairs == 2);
    CHECK_FALSE(parsed("tap:tap0,vhost=off").vhost);
    CHECK(parsed("stream:/run/a.sock").name == "/run/a.sock");
    CHECK(parsed("bridge:br0,loss=5%,delay=20ms").trouble.any());
}

TEST_CASE("what is wrong with a network is said") {
    for (const char* text : {"",
                             "foo",
                             "tap",
                             "tap:",
                             "tap:a/b",
                             "tap:interface-name-too-long",
                             "tapfd:x",
                             "tapfd:2",
                             "user:name",
                             "stream:",
                             "user,ip=10.0.0.2",
                             "user,ip=10.0.0.2/33",
                             "user,ip=10.0.0/24",
                             "user,mac=01:00:00:00:00:00",
                             "user,mac=52:54:00:12:34",
                             "user,queues=2",
                             "user,vhost",
                             "tap:t,vhost,rate=1M",
                             "tap:t,vhost,pcap=file",
                             "tap:t,vhost,loss=1%",
                             "user,queues=0",
                             "user,mtu=100",
                             "user,gateway=10.0.0.1",
                             "user,ip=10.0.0.2/24,gateway=fd00::1",
                             "tap:t,listen",
                             "user,loss=101",
                             "user,speed=3",
                             "user,rate=0"}) {
        CAPTURE(text);
        CHECK(complaint(text) != "");
    }
    CHECK(complaint("user,quees=1").find("queues") != std::string::npos);
}

TEST_CASE("a published port has a bind address and a protocol") {
    PublishedPort port;
    CHECK(parse_published("8080:80", port) == "");
    CHECK(port == PublishedPort{"0.0.0.0", 8080, 80, false});
    CHECK(parse_published("127.0.0.1:53:5353/udp", port) == "");
    CHECK(port == PublishedPort{"127.0.0.1", 53, 5353, true});
    for (const char* text :
         {"", "80", "0:80", "80:0", "65536:80", "80:65536", "a:b:c", "80:80/sctp", "host:80:80", ":80:80"})
        CHECK(parse_published(text, port) != "");
}

TEST_CASE("ports are published by the user network, each once") {
    std::vector<NetConfig> networks;
    CHECK(publish({"0.0.0.0", 80, 80, false}, networks) == "");
    CHECK(networks.size() == 1);
    CHECK(publish({"0.0.0.0", 80, 80, true}, networks) == "");
    CHECK(check_networks(networks) == "");
    CHECK(publish({"0.0.0.0", 80, 81, false}, networks) == "");
    CHECK(check_networks(networks) != "");
    std::vector<NetConfig> taps{parsed("tap:t")};
    CHECK(publish({"0.0.0.0", 80, 80, false}, taps) != "");
}
