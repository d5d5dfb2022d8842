// SPDX-License-Identifier: Apache-2.0
// Datagrams of UDP and AF_UNIX, and packets: whole or cut, from whom, and a full queue.
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/ioctl.h>

#include <string>

#include "tests/guest/readiness.hpp"
#include "tests/guest/socket_ends.hpp"

using namespace conformance;

namespace {

void print_ready(const char* what, int fd) {
    pollfd one{fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    needs(poll(&one, 1, 0));
    print_bits(what, static_cast<unsigned>(one.revents));
}

void datagrams() {
    scenario(SYS_recvfrom, "UDP: whole datagrams, cut if there is no room", [] {
        const int a = made(AF_INET, SOCK_DGRAM), b = made(AF_INET, SOCK_DGRAM);
        const sockaddr_in any = loopback();
        needs(bind(a, plain(any), sizeof any));
        const sockaddr_in address = name_of_socket(a);
        Caller reader([=] { return recv(a, buffer, 100, 0); });
        reader.waits();
        needs(sendto(b, "abc", 3, 0, plain(address), sizeof address));
        answers("then", reader.join());
        needs(sendto(b, "abcdef", 6, 0, plain(address), sizeof address));
        needs(sendto(b, "", 0, 0, plain(address), sizeof address));
        needs(sendto(b, "xy", 2, 0, plain(address), sizeof address));
        until(a, POLLIN);
        int there = 0;
        ioctl(a, FIONREAD, &there);
        is("FIONREAD: the first", there);
        answers("cut, MSG_TRUNC tells all", recv(a, buffer, 2, MSG_TRUNC));
        answers("an empty one", recv(a, buffer, 100, 0));
        sockaddr_in from = {};
        socklen_t size = sizeof from;
        answers("the last", recvfrom(a, buffer, 100, 0, plain(from), &size));
        holds("from", from.sin_port == name_of_socket(b).sin_port);
        answers("none", recv(a, buffer, 100, MSG_DONTWAIT));
        close(a);
        close(b);
    });
    scenario(SYS_connect, "UDP: only the peer's datagrams, and errors of the peer", [] {
        const int a = made(AF_INET, SOCK_DGRAM), b = made(AF_INET, SOCK_DGRAM), c = made(AF_INET, SOCK_DGRAM);
        const sockaddr_in any = loopback();
        for (int fd : {a, b, c}) needs(bind(fd, plain(any), sizeof any));
        const sockaddr_in address = name_of_socket(a), peer = name_of_socket(b);
        answers("connect", connect(a, plain(peer), sizeof peer));
        needs(sendto(c, "no", 2, 0, plain(address), sizeof address));
        needs(sendto(b, "yes", 3, 0, plain(address), sizeof address));
        until(a, POLLIN);
        answers("the peer's", recv(a, buffer, 100, 0));
        answers("another's", recv(a, buffer, 100, MSG_DONTWAIT));
        answers("send", send(a, "x", 1, 0));
        close(b);
        answers("to nobody", send(a, "x", 1, 0));
        // On Linux the next call is told that nobody is there; in a VM no call is.
        rest_ms(20);
        (void)recv(a, buffer, 100, MSG_DONTWAIT);
        answers("nothing", recv(a, buffer, 100, MSG_DONTWAIT));
        sockaddr_in none = {};
        none.sin_family = AF_UNSPEC;
        answers("disconnect", connect(a, plain(none), sizeof none));
        answers("send", send(a, "x", 1, 0));
        close(a);
        close(c);
    });
    scenario(SYS_shutdown, "UDP: who waits is told, with a peer or without", [] {
        const int a = made(AF_INET, SOCK_DGRAM), b = made(AF_INET, SOCK_DGRAM);
        const sockaddr_in any = loopback();
        needs(bind(a, plain(any), sizeof any));
        const sockaddr_in address = name_of_socket(a);
        const timeval patience{5, 0};
        needs(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
        Caller reader([=] { return recv(a, buffer, 100, 0); });
        reader.waits();
        answers("SHUT_RD", shutdown(a, SHUT_RD));
        answers("then", reader.join());
        print_ready("poll", a);
        answers("recv, without waiting", recv(a, buffer, 100, MSG_DONTWAIT));
        answers("recv", recv(a, buffer, 100, 0));
        needs(sendto(b, "abc", 3, 0, plain(address), sizeof address));
        rest_ms(20);
        answers("what came later", recv(a, buffer, 100, 0));
        answers("sendto", sendto(a, "x", 1, 0, plain(address), sizeof address));
        answers("recv", recv(a, buffer, 100, 0));
        answers("SHUT_WR", shutdown(a, SHUT_WR));
        print_ready("poll", a);
        answers("send to nobody", send(a, "x", 1, MSG_NOSIGNAL));
        answers("sendto", sendto(a, "x", 1, MSG_NOSIGNAL, plain(address), sizeof address));
        needs(connect(b, plain(address), sizeof address));
        answers("with a peer", shutdown(b, SHUT_RDWR));
        answers("recv", recv(b, buffer, 100, 0));
        answers("recv, without waiting", recv(b, buffer, 100, MSG_DONTWAIT));
        answers("send", send(b, "x", 1, MSG_NOSIGNAL));
        close(a);
        close(b);
    });
    scenario(SYS_recvfrom, "AF_UNIX datagrams: whole, and a full queue waits", [] {
        Ends ends(SOCK_DGRAM);
        needs(send(ends.a, "abcdef", 6, 0));
        needs(send(ends.a, "xy", 2, 0));
        answers("cut", recv(ends.b, buffer, 2, 0));
        answers("the next", recv(ends.b, buffer, 100, 0));
        int sent = 0;
        while (send(ends.a, "x", 1, MSG_DONTWAIT) == 1) ++sent;
        holds("some", sent > 0);
        answers("full", send(ends.a, "x", 1, MSG_DONTWAIT));
        Caller writer([&] { return send(ends.a, "last", 4, 0); });
        writer.waits();
        // Linux wakes a writer once the queue is half empty.
        for (int i = 0; i < sent; ++i) needs(recv(ends.b, buffer, 1, 0));
        answers("then", writer.join());
        ends.close_b();
        answers("nobody is left", send(ends.a, "x", 1, MSG_NOSIGNAL));
    });
    scenario(SYS_recvfrom, "AF_UNIX packets: whole, and an end", [] {
        Ends ends(SOCK_SEQPACKET);
        needs(send(ends.a, "abcdef", 6, 0));
        needs(send(ends.a, "xy", 2, 0));
        answers("cut", recv(ends.b, buffer, 2, 0));
        answers("the next", recv(ends.b, buffer, 100, 0));
        close(ends.a);
        ends.a = -1;
        answers("the end", recv(ends.b, buffer, 100, 0));
        answers("send", send(ends.b, "x", 1, MSG_NOSIGNAL));
    });
}

std::string name_text(int fd) {
    sockaddr_storage name = {};
    socklen_t size = sizeof name;
    needs(getsockname(fd, plain(name), &size));
    char host[64], port[16];
    needs(getnameinfo(plain(name), size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV));
    return std::string(host) + (std::string(port) == "0" ? ", no port" : ", a port");
}

template <class Peer>
void connects(const char* what, int fd, const Peer& peer) {
    answers(what, connect(fd, plain(peer), sizeof peer));
    is("its name", name_text(fd).c_str());
}

constexpr sockaddr nobody = {AF_UNSPEC, {}};

void disconnecting() {
    scenario(SYS_connect, "UDP, AF_UNSPEC: what was chosen for the peer is given back", [] {
        const int udp = made(AF_INET, SOCK_DGRAM);
        const sockaddr_in peer = loopback(9);
        sockaddr_in any = {};
        any.sin_family = AF_INET;
        connects("connect", udp, peer);
        connects("AF_UNSPEC", udp, nobody);
        answers("bind", bind(udp, plain(any), sizeof any));
        connects("connect", udp, peer);
        connects("AF_UNSPEC", udp, nobody);
        any = loopback();
        answers("bind to an address", bind(udp, plain(any), sizeof any));
        connects("connect", udp, peer);
        connects("AF_UNSPEC", udp, nobody);
        close(udp);
    });
    scenario(SYS_connect, "UDP, AF_UNSPEC: a server receives as before", [] {
        const int server = made(AF_INET, SOCK_DGRAM), client = made(AF_INET, SOCK_DGRAM);
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        needs(bind(client, plain(address), sizeof address));
        address.sin_port = name_of_socket(client).sin_port;
        close(client);
        needs(bind(server, plain(address), sizeof address));
        connects("connect", server, loopback(9));
        connects("AF_UNSPEC", server, nobody);
        holds("the same port", name_of_socket(server).sin_port == address.sin_port);
        const int sender = made(AF_INET, SOCK_DGRAM);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
        answers("to another of its addresses", sendto(sender, "abc", 3, 0, plain(address), sizeof address));
        until(server, POLLIN);
        answers("received", recv(server, buffer, 100, MSG_DONTWAIT));
        close(server);
        close(sender);
    });
    scenario(SYS_connect, "UDP, AF_UNSPEC: one socket tries addresses of both families", [] {
        const int udp = made(AF_INET6, SOCK_DGRAM), server = made(AF_INET6, SOCK_DGRAM);
        sockaddr_in6 peer = {};
        peer.sin6_family = AF_INET6;
        needs(bind(server, plain(peer), sizeof peer));
        peer.sin6_port = name_of_socket(server).sin_port;
        for (const char* text : {"::1", "::ffff:127.0.0.1", "::1"}) {
            needs(inet_pton(AF_INET6, text, &peer.sin6_addr));
            connects(text, udp, peer);
            answers("send", send(udp, "x", 1, 0));
            until(server, POLLIN);
            answers("received", recv(server, buffer, 100, MSG_DONTWAIT));
            connects("AF_UNSPEC", udp, nobody);
        }
        close(udp);
        close(server);
    });
    scenario(SYS_connect, "UDP, AF_UNSPEC: no device is left", [] {
        const int udp = made(AF_INET, SOCK_DGRAM);
        answers("SO_BINDTODEVICE", setsockopt(udp, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
        answers("AF_UNSPEC", connect(udp, &nobody, sizeof nobody));
        socklen_t size = 16;
        answers("SO_BINDTODEVICE", getsockopt(udp, SOL_SOCKET, SO_BINDTODEVICE, buffer, &size));
        is("length", size);
        close(udp);
    });
}

// The answer to one byte sent by way of an interface that is not there.
template <class Info>
Answer send_by(int fd, int level, int type, const Info& info, const sockaddr* to, socklen_t to_bytes) {
    char byte = 'x';
    iovec part{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof info)] = {};
    msghdr message = {};
    // SAFETY: sendmsg() does not write there.
    message.msg_name = const_cast<sockaddr*>(to);
    message.msg_namelen = to_bytes;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    return sendmsg(fd, &message, 0);
}

void by_interfaces() {
    scenario(SYS_sendmsg, "UDP by way of an interface, and of one that is not there", [] {
        const int udp = made(AF_INET, SOCK_DGRAM), udp6 = made(AF_INET6, SOCK_DGRAM);
        const sockaddr_in to = loopback(9);
        sockaddr_in6 to6 = {};
        to6.sin6_family = AF_INET6;
        to6.sin6_addr = in6addr_loopback;
        to6.sin6_port = htons(9);
        for (const int index : {1, 257, 77, -1}) {  // 1: loopback
            in_pktinfo info = {};
            info.ipi_ifindex = index;
            answers("IP_PKTINFO", send_by(udp, IPPROTO_IP, IP_PKTINFO, info, plain(to), sizeof to));
        }
        in6_pktinfo info6 = {};
        info6.ipi6_ifindex = 257;
        answers("IPV6_PKTINFO", send_by(udp6, IPPROTO_IPV6, IPV6_PKTINFO, info6, plain(to6), sizeof to6));
        close(udp);
        close(udp6);
    });
}

}  // namespace

int main() {
    datagrams();
    disconnecting();
    by_interfaces();
}
