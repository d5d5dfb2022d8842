// SPDX-License-Identifier: Apache-2.0
// How TCP connections end, who hears of it when, and how many may wait to be accepted.
#include "tests/guest/socket_ends.hpp"

using namespace conformance;

namespace {

void resets() {
    scenario(SYS_recvfrom, "a reset behind the end of the stream", [] {
        for (const bool asks_first : {false, true}) {
            Ends ends;
            Handler handler(SIGPIPE);
            ends.close_b();
            until(ends.a, POLLIN);
            answers("send", send(ends.a, "x", 1, 0));
            until(ends.a, 0);
            if (asks_first) is("SO_ERROR", error_of(ends.a));
            answers("read", recv(ends.a, buffer, 100, 0));
            answers("read again", recv(ends.a, buffer, 100, 0));
            answers("send", send(ends.a, "x", 1, 0));
            answers("send again", send(ends.a, "x", 1, 0));
            is("signals", handled);
        }
    });
    scenario(SYS_recvfrom, "a reset behind one's own SHUT_RD", [] {
        Ends ends;
        needs(shutdown(ends.a, SHUT_RD));
        close_with_reset(ends.b);
        until(ends.a, 0);
        answers("read", recv(ends.a, buffer, 100, 0));
        answers("read again", recv(ends.a, buffer, 100, 0));
    });
    scenario(SYS_accept, "a connection that was reset while it waited", [] {
        const int listener = listening(), client = made(AF_INET, SOCK_STREAM);
        const sockaddr_in address = name_of_socket(listener);
        needs(connect(client, plain(address), sizeof address));
        const sockaddr_in name = name_of_socket(client);
        needs(send(client, "abc", 3, 0));
        close_with_reset(client);
        sockaddr_in peer = {};
        socklen_t size = sizeof peer;
        const int accepted = static_cast<int>(needs(accept(listener, plain(peer), &size)));
        holds("the client's address", peer.sin_port == name.sin_port && size == sizeof peer);
        answers("getpeername", getpeername(accepted, plain(peer), &size));
        answers("read", recv(accepted, buffer, 100, 0));
        answers("read again", recv(accepted, buffer, 100, 0));
        close(accepted);
        close(listener);
    });
}

void listeners() {
    scenario(SYS_listen, "the backlog of listeners that share a port", [] {
        for (const int backlog : {0, 2}) {
            int twins[2];
            sockaddr_in address = loopback();
            for (int& twin : twins) {
                twin = made(AF_INET, SOCK_STREAM);
                const int on = 1;
                needs(setsockopt(twin, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on));
                needs(bind(twin, plain(address), sizeof address));
                needs(listen(twin, backlog));
                address = name_of_socket(twin);
            }
            pollfd clients[64];
            for (pollfd& client : clients) {
                client = {made(AF_INET, SOCK_STREAM | SOCK_NONBLOCK), POLLOUT, 0};
                (void)connect(client.fd, plain(address), sizeof address);
            }
            rest_ms(50);
            is("connected", poll(clients, std::size(clients), 0));
            for (const int twin : twins) close(twin);
            for (const pollfd& client : clients) close(client.fd);
        }
    });
}

}  // namespace

int main() {
    resets();
    listeners();
}
