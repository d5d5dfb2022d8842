// SPDX-License-Identifier: Apache-2.0
// husk-user-net: the other end of `husk run --net user`. Not to be started by hand: descriptor 3 is a packet socket
// with the guest's Ethernet frames.
//
//   husk-user-net [mtu=N] [guest=ADDRESS] [tcp=BIND:HOSTPORT:GUESTPORT | udp=...]...
#include <arpa/inet.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "launcher/user_net/sandbox.hpp"
#include "launcher/user_net/slirp_network.hpp"

namespace {

using husk::user_net::Port;
using husk::user_net::SlirpNetwork;

constexpr int frame_socket = 3;
constexpr std::size_t default_mtu = 1500;

bool parse_port(const std::string& text, Port& port) {
    const std::size_t first = text.find(':'), second = text.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) return false;
    port.host_port = static_cast<std::uint16_t>(std::strtoul(text.c_str() + first + 1, nullptr, 10));
    port.guest_port = static_cast<std::uint16_t>(std::strtoul(text.c_str() + second + 1, nullptr, 10));
    return inet_pton(AF_INET, text.substr(0, first).c_str(), &port.bind_address) == 1 && port.host_port != 0 &&
           port.guest_port != 0;
}

bool is_packet_socket(int fd) {
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int complain(const std::string& what) {
    std::fprintf(stderr, "husk-user-net: %s\n", what.c_str());
    return 1;
}

}  // namespace

int main(int count, char** words) {
    // Besides the socket's end: whatever happens to the launcher, nothing of a VM stays.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // libslirp sends without MSG_NOSIGNAL: a client that goes away in the middle of an answer is an error to see.
    std::signal(SIGPIPE, SIG_IGN);
    husk::user_net::close_inherited(frame_socket);
    if (!is_packet_socket(frame_socket)) return complain("husk run --net user starts this program");

    std::size_t mtu = default_mtu;
    Port defaults;
    for (int i = 1; i < count; ++i) {
        const std::string_view word = words[i];
        if (word.starts_with("mtu=")) mtu = std::strtoul(words[i] + 4, nullptr, 10);
        if (word.starts_with("guest=")) inet_pton(AF_INET, words[i] + 6, &defaults.guest_address);
    }
    SlirpNetwork network(frame_socket, mtu);
    for (int i = 1; i < count; ++i) {
        const std::string_view word = words[i];
        if (!word.starts_with("tcp=") && !word.starts_with("udp=")) continue;
        Port port = defaults;
        port.is_udp = word.starts_with("udp=");
        if (!parse_port(words[i] + 4, port)) return complain(std::string("cannot read ") + words[i]);
        if (!network.publish(port))
            return complain(std::string("cannot publish ") + words[i] + ": " + std::strerror(errno));
    }
    if (std::string why; !husk::user_net::enter_sandbox(why)) return complain(why);
    network.run();
    network.finish();
    return 0;
}
