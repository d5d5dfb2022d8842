// SPDX-License-Identifier: Apache-2.0
// UDP_SEGMENT: one send that becomes several datagrams, by the option and by control data; UDP_GRO on the other side.
#include <netinet/udp.h>

#include "tests/guest/socket_ends.hpp"

using namespace conformance;

namespace {

struct Pair {
    int from = made(AF_INET, SOCK_DGRAM), to = made(AF_INET, SOCK_DGRAM);
    Pair() {
        const sockaddr_in any = loopback();
        needs(bind(to, plain(any), sizeof any));
        const sockaddr_in address = name_of_socket(to);
        needs(connect(from, plain(address), sizeof address));
    }
    Pair(const Pair&) = delete;
    ~Pair() {
        close(from);
        close(to);
    }
    void receives() const {
        until(to, POLLIN);
        ssize_t size;
        while ((size = recv(to, buffer, sizeof buffer, MSG_DONTWAIT)) >= 0) is("received", size);
    }
};

int get(int fd, int option) {
    int value = -77;
    socklen_t size = sizeof value;
    return getsockopt(fd, IPPROTO_UDP, option, &value, &size) == 0 ? value : -errno;
}
int set(int fd, int option, int value) { return setsockopt(fd, IPPROTO_UDP, option, &value, sizeof value); }

template <class Size>
Answer send_by(int fd, std::size_t bytes, Size segment) {
    iovec part{buffer, bytes};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof segment)] = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof segment);
    std::memcpy(CMSG_DATA(header), &segment, sizeof segment);
    return sendmsg(fd, &message, 0);
}

}  // namespace

int main() {
    scenario(SYS_setsockopt, "UDP_SEGMENT and UDP_GRO: values", [] {
        Pair pair;
        for (const int option : {UDP_SEGMENT, UDP_GRO, 999}) {
            is("standard", get(pair.from, option));
            for (const int value : {1, 1000, 65535, 65536, -1, 0}) {
                if (option == UDP_GRO && value < 0) continue;
                answers("set", set(pair.from, option, value));
                is("it is", get(pair.from, option));
            }
        }
    });
    scenario(SYS_sendto, "UDP_SEGMENT: as many datagrams as it takes", [] {
        Pair pair;
        answers("set", set(pair.from, UDP_SEGMENT, 100));
        for (const std::size_t bytes : {0u, 1u, 99u, 100u, 101u, 250u, 300u}) {
            answers("sent", send(pair.from, buffer, bytes, 0));
            pair.receives();
        }
        answers("too many", send(pair.from, buffer, 12801, 0));
        answers("too long", send(pair.from, buffer, 65508, 0));
        answers("off", set(pair.from, UDP_SEGMENT, 0));
        answers("sent", send(pair.from, buffer, 300, 0));
        pair.receives();
    });
    scenario(SYS_sendto, "UDP_SEGMENT: a segment is one packet", [] {
        // Over IPv6 what fits into the length of a datagram may be more than loopback's MTU of 64 KiB.
        const int from = made(AF_INET6, SOCK_DGRAM);
        sockaddr_in6 to = {};
        to.sin6_family = AF_INET6;
        to.sin6_addr = in6addr_loopback;
        to.sin6_port = htons(9);
        const auto sends = [&](const char* what, int segment, std::size_t bytes) {
            needs(set(from, UDP_SEGMENT, segment));
            answers(what, sendto(from, buffer, bytes, 0, plain(to), sizeof to));
        };
        sends("as it is", 0, 65400);
        sends("one", 65535, 65400);
        sends("one that is too long", 65535, 65489);
        sends("one and a byte, too long", 65489, 65490);
        sends("a short one, where a long one would be too long", 65535, 100);
        sends("two", 60000, 65500);
        sends("too many", 500, 65500);
        close(from);
    });
    scenario(SYS_sendmsg, "UDP_SEGMENT as control data", [] {
        Pair pair;
        answers("100", send_by(pair.from, 250, static_cast<unsigned short>(100)));
        pair.receives();
        answers("of a wrong size", send_by(pair.from, 250, 100));
        needs(set(pair.from, UDP_SEGMENT, 50));
        answers("rather than the option", send_by(pair.from, 250, static_cast<unsigned short>(200)));
        pair.receives();
        answers("0: none", send_by(pair.from, 250, static_cast<unsigned short>(0)));
        pair.receives();
    });
}
