// SPDX-License-Identifier: Apache-2.0
// Datagrams over loopback, with what goes and comes along as control data.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "tests/guest/inet_ends.hpp"

using namespace guest_test;

namespace {

void datagrams() {
    const int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sockaddr_in address = loopback();
    check_equal(bind(a, generic(address), sizeof address), 0);
    address = name_of(a);
    char buffer[64];
    check_fails(recv(b, buffer, sizeof buffer, 0), EAGAIN);
    check_fails(send(b, "x", 1, 0), EDESTADDRREQ);
    check_equal(sendto(b, "datagram", 8, 0, generic(address), sizeof address), 8);
    check_equal(sendto(b, "", 0, 0, generic(address), sizeof address), 0);
    check_equal(events_of(a, 1000, POLLIN), POLLIN);
    sockaddr_in from{};
    socklen_t size = sizeof from;
    check_equal(recvfrom(a, buffer, 4, MSG_PEEK | MSG_TRUNC, generic(from), &size), 8);
    check_equal(recvfrom(a, buffer, 4, MSG_TRUNC, generic(from), &size), 8);
    check_equal(from.sin_port, name_of(b).sin_port);
    check_equal(recv(a, buffer, sizeof buffer, 0), 0);
    check_equal(connect(b, generic(address), sizeof address), 0);
    check_equal(ntohl(name_of(b).sin_addr.s_addr), INADDR_LOOPBACK);
    check_equal(send(b, "connected", 9, 0), 9);
    check_equal(read(a, buffer, sizeof buffer), 9);
    const std::vector<char> large(65507, 'L');
    check_equal(send(b, large.data(), large.size(), 0), 65507);
    std::vector<char> received(70000);
    check_equal(read(a, received.data(), received.size()), 65507);
    check_fails(send(b, received.data(), 65508, 0), EMSGSIZE);
    mmsghdr messages[3]{};
    iovec pieces[3];
    for (int i = 0; i < 3; ++i) {
        pieces[i] = {buffer + i, static_cast<std::size_t>(i + 1)};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    check_equal(sendmmsg(b, messages, 3, 0), 3);
    check_equal(recvmmsg(a, messages, 3, MSG_WAITFORONE, nullptr), 3);
    check_equal(messages[2].msg_len, 3u);
    close(a);
    close(b);
}

void packet_information() {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address = loopback();
    check_equal(bind(fd, generic(address), sizeof address), 0);
    address = name_of(fd);
    set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    set_option(fd, IPPROTO_IP, IP_RECVTTL, 1);
    check_equal(sendto(fd, "i", 1, 0, generic(address), sizeof address), 1);
    char byte = 0;
    iovec piece{&byte, 1};
    alignas(cmsghdr) char control[256];
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    check_equal(recvmsg(fd, &header, 0), 1);
    bool has_info = false, has_ttl = false;
    for (cmsghdr* record = CMSG_FIRSTHDR(&header); record != nullptr; record = CMSG_NXTHDR(&header, record)) {
        if (record->cmsg_level == IPPROTO_IP && record->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(record), sizeof info);
            has_info = info.ipi_addr.s_addr == htonl(INADDR_LOOPBACK) && info.ipi_ifindex == 1;
        }
        if (record->cmsg_level == IPPROTO_IP && record->cmsg_type == IP_TTL) has_ttl = true;
    }
    check(has_info && has_ttl);
    close(fd);
}

}  // namespace

int main() {
    datagrams();
    passed("datagrams");
    packet_information();
    passed("control data of datagrams");
}
