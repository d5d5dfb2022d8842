// SPDX-License-Identifier: Apache-2.0
// SO_PEEK_OFF: where MSG_PEEK looks, and how it moves, for streams and datagrams. TCP_INQ: how much is left to read.
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/un.h>

#include "tests/guest/socket_ends.hpp"

using namespace conformance;

namespace {

int peek_place(int fd) {
    int value = -77;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &value, &size) == 0 ? value : -errno;
}

int set_peek_place(int fd, int value) { return setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &value, sizeof value); }

// What a receive gives, as text; the place behind it.
void receives(const char* what, int fd, std::size_t size, int flags) {
    char text[64] = {};
    const Answer answer = recv(fd, text, size, flags | MSG_DONTWAIT);
    answers(what, answer);
    is("it is", text);
    is("place", peek_place(fd));
}

void options() {
    scenario(SYS_setsockopt, "SO_PEEK_OFF: standard and values", [] {
        for (const int fd : {made(AF_INET, SOCK_STREAM), made(AF_INET, SOCK_DGRAM), made(AF_UNIX, SOCK_STREAM),
                             made(AF_UNIX, SOCK_DGRAM), made(AF_UNIX, SOCK_SEQPACKET), made(AF_NETLINK, SOCK_RAW)}) {
            is("standard", peek_place(fd));
            for (const int value : {0, 5, -1, -9}) {
                answers("set", set_peek_place(fd, value));
                is("place", peek_place(fd));
            }
            close(fd);
        }
    });
}

template <class... Kind>
void a_stream(const char* what, Kind... kind) {
    scenario(SYS_recvfrom, what, [=] {
        Ends ends(kind...);
        answers("on", set_peek_place(ends.a, 0));
        needs(send(ends.b, "abcd", 4, 0));
        needs(send(ends.b, "efgh", 4, 0));
        // The second of two small sends may wait for the first one's acknowledgement.
        for (int there = 0; there != 8; rest_ms(1)) needs(ioctl(ends.a, FIONREAD, &there));
        receives("the first", ends.a, 3, MSG_PEEK);
        receives("goes on", ends.a, 3, MSG_PEEK);
        receives("the rest", ends.a, 50, MSG_PEEK);
        receives("nothing behind it", ends.a, 50, MSG_PEEK);
        receives("taken", ends.a, 3, 0);
        answers("back", set_peek_place(ends.a, 1));
        receives("from there", ends.a, 2, MSG_PEEK);
        receives("taken beyond it", ends.a, 4, 0);
        answers("off", set_peek_place(ends.a, -1));
        receives("the beginning", ends.a, 50, MSG_PEEK);
        receives("the beginning again", ends.a, 50, MSG_PEEK);
        answers("far", set_peek_place(ends.a, 3));
        Caller waiter([&] { return recv(ends.a, buffer, 50, MSG_PEEK); });
        waiter.waits();
        needs(send(ends.b, "ijk", 3, 0));
        answers("then", waiter.join());
        is("place", peek_place(ends.a));
        answers("far", set_peek_place(ends.a, 100));
        ends.close_b();
        until(ends.a, POLLRDHUP);
        receives("beyond the end", ends.a, 50, MSG_PEEK);
    });
}

void whole_datagrams(int from, int to) {
    answers("on", set_peek_place(to, 0));
    for (const char* text : {"abcd", "", "efghij"}) needs(send(from, text, std::strlen(text), 0));
    until(to, POLLIN);
    receives("a part", to, 2, MSG_PEEK);
    receives("the rest", to, 10, MSG_PEEK);
    receives("an empty one", to, 10, MSG_PEEK);
    receives("cut", to, 4, MSG_PEEK | MSG_TRUNC);
    receives("its rest", to, 10, MSG_PEEK | MSG_TRUNC);
    receives("no more", to, 10, MSG_PEEK);
    receives("taken, cut", to, 1, 0);
    receives("taken", to, 10, 0);
    answers("back", set_peek_place(to, 1));
    receives("from there", to, 10, MSG_PEEK);
    receives("taken", to, 10, 0);
    receives("none", to, 10, MSG_PEEK);
}

void datagrams() {
    scenario(SYS_recvfrom, "SO_PEEK_OFF of AF_UNIX datagrams", [] {
        Ends ends(SOCK_DGRAM);
        whole_datagrams(ends.b, ends.a);
    });
    scenario(SYS_recvfrom, "SO_PEEK_OFF of UDP", [] {
        const int a = made(AF_INET, SOCK_DGRAM), b = made(AF_INET, SOCK_DGRAM);
        const sockaddr_in any = loopback();
        needs(bind(a, plain(any), sizeof any));
        const sockaddr_in address = name_of_socket(a);
        needs(connect(b, plain(address), sizeof address));
        whole_datagrams(b, a);
        close(a);
        close(b);
    });
}

// A recvmsg(), and what TCP_INQ says then.
void reads(const char* what, int fd, std::size_t size) {
    iovec part{buffer, size};
    alignas(cmsghdr) char control[128] = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    answers(what, recvmsg(fd, &message, MSG_DONTWAIT));
    const cmsghdr* record = CMSG_FIRSTHDR(&message);
    if (record == nullptr) return is("left", "not told");
    int left = -1;
    std::memcpy(&left, CMSG_DATA(record), sizeof left);
    holds("the record", record->cmsg_level == IPPROTO_TCP && record->cmsg_type == TCP_CM_INQ &&
                            record->cmsg_len == CMSG_LEN(sizeof left));
    is("left", left);
}

void what_is_left() {
    scenario(SYS_recvmsg, "TCP_INQ", [] {
        Ends ends;
        const auto set = [&](int value) { return setsockopt(ends.a, IPPROTO_TCP, TCP_INQ, &value, sizeof value); };
        needs(send(ends.b, "abcdefgh", 8, 0));
        until(ends.a, POLLIN);
        reads("off", ends.a, 1);
        answers("2", set(2));
        answers("-1", set(-1));
        answers("on", set(1));
        reads("a part", ends.a, 3);
        reads("the rest", ends.a, 100);
        reads("nothing there", ends.a, 100);
        needs(send(ends.b, "ijkl", 4, 0));
        shutdown(ends.b, SHUT_WR);
        until(ends.a, POLLRDHUP);
        reads("with the end behind it", ends.a, 2);
        reads("up to the end", ends.a, 100);
        reads("the end", ends.a, 100);
        answers("off", set(0));
        reads("the end again", ends.a, 100);
    });
}

}  // namespace

int main() {
    options();
    a_stream("SO_PEEK_OFF of TCP");
    a_stream("SO_PEEK_OFF of AF_UNIX", SOCK_STREAM);
    datagrams();
    what_is_left();
}
