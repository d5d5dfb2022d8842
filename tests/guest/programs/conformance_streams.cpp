// SPDX-License-Identifier: Apache-2.0
// Streams of TCP and AF_UNIX: who waits for whom, what each kind of shutdown means, what a reset leaves.
#include <sys/ioctl.h>

#include "tests/guest/socket_ends.hpp"

using namespace conformance;

namespace {

// The same questions to TCP and to AF_UNIX; those answers that differ do so on Linux too.
template <class... Kind>
void a_stream(const char* what, Kind... kind) {
    scenario(SYS_recvfrom, what, [=] {
        Ends ends(kind...);
        Caller reader([&] { return recv(ends.a, buffer, 100, 0); });
        reader.waits();
        needs(send(ends.b, "abc", 3, 0));
        answers("then", reader.join());
        needs(send(ends.b, "abcdef", 6, 0));
        until(ends.a, POLLIN);
        answers("MSG_PEEK", recv(ends.a, buffer, 4, MSG_PEEK));
        answers("the same again", recv(ends.a, buffer, 4, 0));
        answers("MSG_DONTWAIT", recv(ends.a, buffer, 100, MSG_DONTWAIT));
        answers("nothing", recv(ends.a, buffer, 100, MSG_DONTWAIT));
        Caller whole([&] { return recv(ends.a, buffer, 8, MSG_WAITALL); });
        needs(send(ends.b, "abcde", 5, 0));
        whole.sleeps();
        needs(send(ends.b, "fghi", 4, 0));
        answers("MSG_WAITALL", whole.join());
        answers("the rest", recv(ends.a, buffer, 100, 0));
    });
    scenario(SYS_recvfrom, "a signal while it waits", [=] {
        Ends ends(kind...);
        interrupted([&] { return recv(ends.a, buffer, 100, 0); }, [&] { needs(send(ends.b, "abc", 3, 0)); });
    });
    scenario(SYS_setsockopt, "SO_RCVTIMEO and SO_SNDTIMEO end a wait", [=] {
        Ends ends(kind...);
        const timeval short_time{0, 30'000};
        needs(setsockopt(ends.a, SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof short_time));
        needs(setsockopt(ends.a, SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof short_time));
        Stopwatch time;
        answers("receive", recv(ends.a, buffer, 1, 0));
        holds("waited", time.ms() >= 10);  // Linux counts ticks: a late one makes the wait shorter
        ssize_t sent;
        do sent = send(ends.a, buffer, sizeof buffer, MSG_NOSIGNAL);
        while (sent > 0);
        answers("send", sent);
    });
    scenario(SYS_shutdown, "SHUT_WR: the other reads to the end", [=] {
        Ends ends(kind...);
        Handler handler(SIGPIPE);
        needs(send(ends.a, "abc", 3, 0));
        answers("shutdown", shutdown(ends.a, SHUT_WR));
        answers("again", shutdown(ends.a, SHUT_WR));
        answers("send", send(ends.a, "x", 1, 0));
        is("signals", handled);
        answers("send, MSG_NOSIGNAL", send(ends.a, "x", 1, MSG_NOSIGNAL));
        is("signals", handled);
        answers("the other reads", recv(ends.b, buffer, 100, 0));
        answers("the end", recv(ends.b, buffer, 100, 0));
        answers("the end again", recv(ends.b, buffer, 100, 0));
        answers("the other sends", send(ends.b, "de", 2, 0));
        answers("received", recv(ends.a, buffer, 100, 0));
    });
    scenario(SYS_shutdown, "SHUT_RD: one's own reads end", [=] {
        Ends ends(kind...);
        Caller reader([&] { return recv(ends.a, buffer, 100, 0); });
        reader.waits();
        answers("shutdown", shutdown(ends.a, SHUT_RD));
        answers("the waiting read", reader.join());
        answers("one more", recv(ends.a, buffer, 100, 0));
    });
    scenario(SYS_close, "a read waits, and the other closes", [=] {
        Ends ends(kind...);
        Caller reader([&] { return recv(ends.a, buffer, 100, 0); });
        reader.waits();
        ends.close_b();
        answers("then", reader.join());
        answers("read", recv(ends.a, buffer, 100, 0));
    });
    scenario(SYS_sendto, "a full stream waits until the other reads", [=] {
        Ends ends(kind...);
        static char large[8 << 20];
        Caller writer([&] { return send(ends.a, large, sizeof large, 0) == sizeof large ? 0 : -1; });
        writer.waits();
        std::size_t got = 0;
        while (got < sizeof large) {
            const ssize_t size = recv(ends.b, buffer, sizeof buffer, 0);
            if (size <= 0) break;
            got += static_cast<std::size_t>(size);
        }
        answers("all is sent", writer.join());
        is("all is read", got == sizeof large);
    });
    scenario(SYS_sendto, "without waiting, up to what there is room for", [=] {
        Ends ends(kind...);
        fcntl(ends.a, F_SETFL, O_NONBLOCK);
        static char large[64 << 20];
        const ssize_t sent = send(ends.a, large, sizeof large, 0);
        holds("a part", sent > 0 && sent < static_cast<ssize_t>(sizeof large));
    });
    scenario(SYS_getpeername, "of the two ends, and after the other's close", [=] {
        Ends ends(kind...);
        socklen_t size = 1024;
        answers("peer", getpeername(ends.a, plain(buffer), &size));
        is("size", size);
        size = 1024;
        answers("own", getsockname(ends.a, plain(buffer), &size));
        is("size", size);
        size = 3;
        answers("cut off", getsockname(ends.a, plain(buffer), &size));
        holds("the whole size is told", size == (sizeof...(kind) != 0 ? 2 : 16));
    });
    scenario(SYS_ioctl, "FIONREAD", [=] {
        Ends ends(kind...);
        needs(send(ends.b, "abc", 3, 0));
        until(ends.a, POLLIN);
        int there = 0;
        answers("ask", ioctl(ends.a, FIONREAD, &there));
        is("there", there);
    });
}

void resets() {
    scenario(SYS_close, "with unread bytes, and SO_LINGER of 0: the other is reset", [] {
        for (bool by_linger : {false, true}) {
            Ends ends;
            Handler handler(SIGPIPE);
            if (by_linger) {
                const linger at_once{1, 0};
                setsockopt(ends.b, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            } else {
                needs(send(ends.a, "abc", 3, 0));
                until(ends.b, POLLIN);
            }
            ends.close_b();
            until(ends.a, POLLIN);
            answers("read", recv(ends.a, buffer, 100, 0));
            answers("read again", recv(ends.a, buffer, 100, 0));
            answers("write", send(ends.a, "x", 1, 0));
            is("signals", handled);
        }
    });
    scenario(SYS_shutdown, "a listener's waiting accept ends", [] {
        const int listener = listening();
        Caller server([=] { return accept(listener, nullptr, nullptr); });
        server.waits();
        answers("shutdown", shutdown(listener, SHUT_RD));
        answers("accept", server.join());
        close(listener);
    });
}

// What a program falls back to where SO_ZEROCOPY is refused, as it is in a VM: the flag alone changes nothing.
void the_flag_of_zero_copy() {
    scenario(SYS_sendto, "MSG_ZEROCOPY without SO_ZEROCOPY sends as usual, and reports nothing", [] {
        for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
            Ends tcp;
            const int from = type == SOCK_STREAM ? tcp.a : made(AF_INET, SOCK_DGRAM);
            const int to = type == SOCK_STREAM ? tcp.b : made(AF_INET, SOCK_DGRAM);
            if (type == SOCK_DGRAM) {
                const sockaddr_in any = loopback();
                needs(bind(to, plain(any), sizeof any));
                const sockaddr_in address = name_of_socket(to);
                needs(connect(from, plain(address), sizeof address));
            }
            answers("send", send(from, "abc", 3, MSG_ZEROCOPY));
            until(to, POLLIN);
            answers("received", recv(to, buffer, 100, 0));
            answers("reported", recv(from, buffer, 100, MSG_ERRQUEUE | MSG_DONTWAIT));
            if (type == SOCK_DGRAM) close(from), close(to);
        }
    });
}

}  // namespace

int main() {
    a_stream("TCP: a read waits, and gives what there is");
    a_stream("AF_UNIX: a read waits, and gives what there is", SOCK_STREAM);
    resets();
    the_flag_of_zero_copy();
}
