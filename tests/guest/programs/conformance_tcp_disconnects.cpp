// SPDX-License-Identifier: Apache-2.0
// What disconnects a TCP socket, connected, connecting or listening, and what is left of it: connect() to AF_UNSPEC,
// shutdown().
#include "tests/guest/socket_ends.hpp"

using namespace conformance;

namespace {

int disconnect(int fd) {
    const sockaddr none{AF_UNSPEC, {}};
    return connect(fd, &none, sizeof none);
}

void disconnects() {
    scenario(SYS_connect, "AF_UNSPEC: nothing of the connection is left for the next", [] {
        Ends ends;
        needs(send(ends.b, "old", 3, 0));
        until(ends.a, POLLIN);
        fill(ends.a);
        answers("disconnect", disconnect(ends.a));
        is("SO_ERROR", error_of(ends.a));
        answers("read", recv(ends.a, buffer, 100, MSG_DONTWAIT));
        answers("send", send(ends.a, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
        const int listener = listening();
        const sockaddr_in address = name_of_socket(listener);
        answers("connect", connect(ends.a, plain(address), sizeof address));
        const int next = static_cast<int>(needs(accept(listener, nullptr, nullptr)));
        answers("read", recv(ends.a, buffer, 100, MSG_DONTWAIT));
        answers("send", send(ends.a, "new", 3, MSG_DONTWAIT));
        until(next, POLLIN);
        answers("the next reads", recv(next, buffer, 100, MSG_DONTWAIT));
        answers("the next sends", send(next, "abcd", 4, 0));
        until(ends.a, POLLIN);
        answers("read", recv(ends.a, buffer, 100, MSG_DONTWAIT));
        close(next);
        close(listener);
    });
    scenario(SYS_connect, "AF_UNSPEC while others wait", [] {
        Ends ends;
        fill(ends.a);
        const timeval patience{5, 0};
        needs(setsockopt(ends.a, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
        needs(setsockopt(ends.a, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience));
        Caller reader([&] { return recv(ends.a, buffer, 100, 0); });
        Caller sender([&] { return send(ends.a, "x", 1, MSG_NOSIGNAL); });
        reader.waits();
        sender.waits();
        answers("disconnect", disconnect(ends.a));
        answers("the read", reader.join());
        answers("the send", sender.join());
        is("SO_ERROR", error_of(ends.a));
    });
}

void bound_sockets() {
    scenario(SYS_connect, "AF_UNSPEC of a listener ends a waiting accept", [] {
        const int listener = listening(), client = made(AF_INET, SOCK_STREAM);
        const sockaddr_in address = name_of_socket(listener);
        const timeval patience{5, 0};
        needs(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
        Caller server([=] { return accept(listener, nullptr, nullptr); });
        server.waits();
        answers("disconnect", disconnect(listener));
        answers("accept", server.join());
        answers("a client", connect(client, plain(address), sizeof address));
        is("SO_ERROR", error_of(listener));
        close(listener);
        close(client);
    });
    scenario(SYS_connect, "a port that was asked for stays with the socket", [] {
        const int probe = listening(), listener = listening(), client = made(AF_INET, SOCK_STREAM);
        const sockaddr_in own = name_of_socket(probe), to = name_of_socket(listener);
        const sockaddr_in nobody = loopback(1);
        sockaddr_in any = own;
        any.sin_addr.s_addr = INADDR_ANY;
        close(probe);
        needs(bind(client, plain(any), sizeof any));
        answers("refused", connect(client, plain(nobody), sizeof nobody));
        holds("its port", name_of_socket(client).sin_port == own.sin_port);
        for (int i = 0; i < 2; ++i) {
            answers("connect", connect(client, plain(to), sizeof to));
            holds("its port", name_of_socket(client).sin_port == own.sin_port);
            holds("an address", name_of_socket(client).sin_addr.s_addr != INADDR_ANY);
            answers("disconnect", disconnect(client));
            holds("its port", name_of_socket(client).sin_port == own.sin_port);
            holds("an address", name_of_socket(client).sin_addr.s_addr != INADDR_ANY);
        }
        answers("bind", bind(client, plain(any), sizeof any));
        const int other = made(AF_INET, SOCK_STREAM);
        answers("another at the port", bind(other, plain(any), sizeof any));
        for (int fd = 3; fd < 12; ++fd) close(fd);
    });
    scenario(SYS_connect, "after a reset, and without asking for the error of a disconnect", [] {
        Ends ends;
        const int listener = listening();
        const sockaddr_in to = name_of_socket(listener);
        close_with_reset(ends.b);
        until(ends.a, 0);
        answers("connect", connect(ends.a, plain(to), sizeof to));
        is("SO_ERROR", error_of(ends.a));
        answers("connect", connect(ends.a, plain(to), sizeof to));
        answers("disconnect", disconnect(ends.a));
        is("SO_ERROR", error_of(ends.a));
        answers("connect", connect(ends.a, plain(to), sizeof to));
        answers("disconnect", disconnect(ends.a));
        answers("connect", connect(ends.a, plain(to), sizeof to));
        is("SO_ERROR", error_of(ends.a));
        close(listener);
    });
}

void shut_listeners() {
    scenario(SYS_shutdown, "SHUT_RD and SHUT_RDWR of a listener: nobody is let in until it listens again", [] {
        for (const int how : {SHUT_RD, SHUT_RDWR}) {
            const int probe = listening();
            const sockaddr_in address = name_of_socket(probe);
            close(probe);
            const int listener = made(AF_INET, SOCK_STREAM), queued = made(AF_INET, SOCK_STREAM);
            needs(bind(listener, plain(address), sizeof address));
            needs(listen(listener, 8));
            needs(connect(queued, plain(address), sizeof address));
            answers("shutdown", shutdown(listener, how));
            answers("who was queued", recv(queued, buffer, 100, 0));
            const int late = made(AF_INET, SOCK_STREAM);
            answers("who comes late", connect(late, plain(address), sizeof address));
            answers("accept", accept(listener, nullptr, nullptr));
            pollfd one{listener, POLLIN | POLLOUT | POLLRDHUP, 0};
            answers("poll", poll(&one, 1, 0));
            is("events", one.revents);
            answers("shutdown again", shutdown(listener, how));
            holds("the same port", name_of_socket(listener).sin_port == address.sin_port);
            const int other = made(AF_INET, SOCK_STREAM);
            answers("another at the port", bind(other, plain(address), sizeof address));
            answers("listen", listen(listener, 8));
            answers("once more", connect(late, plain(address), sizeof address));
            answers("accept", accept(listener, nullptr, nullptr) >= 0 ? 0 : -1);
            for (int fd = 3; fd < 12; ++fd) close(fd);
        }
    });
    scenario(SYS_shutdown, "SHUT_WR of a listener", [] {
        const int listener = listening(), client = made(AF_INET, SOCK_STREAM);
        const sockaddr_in address = name_of_socket(listener);
        answers("shutdown", shutdown(listener, SHUT_WR));
        answers("connect", connect(client, plain(address), sizeof address));
        for (int fd = 3; fd < 8; ++fd) close(fd);
    });
}

// Two of them: the one that listens takes no more.
struct FullListener {
    int listener = listening(0), queued = made(AF_INET, SOCK_STREAM);
    sockaddr_in address = name_of_socket(listener);
    FullListener() { needs(connect(queued, plain(address), sizeof address)); }
    FullListener(const FullListener&) = delete;
    ~FullListener() {
        close(listener);
        close(queued);
    }
};

void attempts() {
    for (const int how : {SHUT_RD, SHUT_WR, SHUT_RDWR}) {
        scenario(SYS_shutdown, "of a socket that waits for its connection", [=] {
            FullListener full;
            const int client = made(AF_INET, SOCK_STREAM);
            const timeval patience{5, 0};
            needs(setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience));
            Caller caller([&] { return connect(client, plain(full.address), sizeof full.address); });
            caller.waits();
            answers("shutdown", shutdown(client, how));
            answers("connect", caller.join());
            is("SO_ERROR", error_of(client));
            answers("shutdown again", shutdown(client, how));
            close(client);
        });
    }
    scenario(SYS_shutdown, "of a socket that does not wait for its connection", [] {
        FullListener full;
        const int client = made(AF_INET, SOCK_STREAM | SOCK_NONBLOCK), listener = listening();
        const timeval patience{5, 0};
        needs(setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience));
        answers("connect", connect(client, plain(full.address), sizeof full.address));
        answers("shutdown", shutdown(client, SHUT_RDWR));
        pollfd one{client, POLLIN | POLLOUT | POLLRDHUP, 0};
        answers("poll", poll(&one, 1, 0));
        is("events", one.revents);
        is("SO_ERROR", error_of(client));
        answers("read", recv(client, buffer, 100, 0));
        answers("send", send(client, "x", 1, MSG_NOSIGNAL));
        const sockaddr_in address = name_of_socket(listener);
        fcntl(client, F_SETFL, 0);
        answers("connect again", connect(client, plain(address), sizeof address));
        close(client);
        close(listener);
    });
}

}  // namespace

int main() {
    disconnects();
    bound_sockets();
    shut_listeners();
    attempts();
}
