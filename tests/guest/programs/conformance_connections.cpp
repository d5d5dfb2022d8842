// SPDX-License-Identifier: Apache-2.0
// TCP connections over the loopback interface: who waits for whom, in which order, what options say before and after.
#include <netinet/tcp.h>
#include <sys/resource.h>

#include "tests/guest/socket_ends.hpp"

using namespace conformance;

namespace {

void connections() {
    scenario(SYS_accept, "waits for a client", [] {
        const int listener = listening();
        const sockaddr_in address = name_of_socket(listener);
        Caller server([=] { return accept(listener, nullptr, nullptr) >= 0 ? 0 : -1; });
        server.waits();
        const int client = made(AF_INET, SOCK_STREAM);
        answers("connected", connect(client, plain(address), sizeof address));
        answers("accepted", server.join());
        for (int fd = 3; fd < 8; ++fd) close(fd);
    });
    scenario(SYS_accept, "a signal while it waits", [] {
        const int listener = listening();
        const sockaddr_in address = name_of_socket(listener);
        interrupted([=] { return accept(listener, nullptr, nullptr) >= 0 ? 0 : -1; },
                    [=] { needs(connect(made(AF_INET, SOCK_STREAM), plain(address), sizeof address)); });
        for (int fd = 3; fd < 8; ++fd) close(fd);
    });
    scenario(SYS_accept, "in the order of connecting, with the client's address", [] {
        const int listener = listening();
        const sockaddr_in address = name_of_socket(listener);
        int clients[3];
        for (int& client : clients) {
            client = made(AF_INET, SOCK_STREAM);
            needs(connect(client, plain(address), sizeof address));
        }
        for (int client : clients) {
            sockaddr_in peer = {};
            socklen_t size = sizeof peer;
            const int fd = accept4(listener, plain(peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
            holds("the client's", peer.sin_port == name_of_socket(client).sin_port);
            holds("flags", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
        }
        for (int fd = 3; fd < 12; ++fd) close(fd);
    });
    scenario(SYS_connect, "nobody listens", [] {
        const int listener = listening();
        const sockaddr_in address = name_of_socket(listener);
        close(listener);
        const int client = made(AF_INET, SOCK_STREAM);
        answers("TCP", connect(client, plain(address), sizeof address));
        close(client);
        const int quick = made(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
        // The answer comes at once in a VM, and later by SO_ERROR on Linux.
        int error = connect(quick, plain(address), sizeof address) == 0 ? 0 : errno;
        socklen_t size = sizeof error;
        until(quick, POLLOUT);
        if (error == EINPROGRESS) getsockopt(quick, SOL_SOCKET, SO_ERROR, &error, &size);
        is("without waiting", error == ECONNREFUSED);
        getsockopt(quick, SOL_SOCKET, SO_ERROR, &error, &size);
        is("told once", error);
        close(quick);
    });
    scenario(SYS_connect, "without waiting: in progress, then connected", [] {
        const int listener = listening();
        const sockaddr_in address = name_of_socket(listener);
        const int client = made(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
        // A VM has connected to itself when the call returns.
        const int first = connect(client, plain(address), sizeof address);
        holds("begun", first == 0 || errno == EINPROGRESS);
        until(client, POLLOUT);
        int error = 77;
        socklen_t size = sizeof error;
        getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size);
        is("error", error);
        if (first != 0) needs(connect(client, plain(address), sizeof address));  // Linux takes one more
        answers("again", connect(client, plain(address), sizeof address));
        close(client);
        close(listener);
    });
    scenario(SYS_accept, "without a free descriptor: the connection stays", [] {
        const int listener = made(AF_INET, SOCK_STREAM), client = made(AF_INET, SOCK_STREAM);
        needs(listen(listener, 5));
        const sockaddr_in address = name_of_socket(listener);
        needs(connect(client, plain(address), sizeof address));
        needs(send(client, "abc", 3, 0));
        rlimit limit{};
        needs(getrlimit(RLIMIT_NOFILE, &limit));
        const int lowest_free = dup(client);
        close(lowest_free);
        const rlimit none_free{static_cast<rlim_t>(lowest_free), limit.rlim_max};
        needs(setrlimit(RLIMIT_NOFILE, &none_free));
        answers("none is free", accept(listener, nullptr, nullptr));
        needs(setrlimit(RLIMIT_NOFILE, &limit));
        const int accepted = accept(listener, nullptr, nullptr);
        holds("one is free", accepted >= 0);
        answers("what was sent", recv(accepted, buffer, 100, 0));
        for (const int fd : {listener, client, accepted}) close(fd);
    });
    scenario(SYS_bind, "a port is free again after its listener, with SO_REUSEADDR", [] {
        Ends ends;
        const sockaddr_in address = name_of_socket(ends.b);
        const int first = made(AF_INET, SOCK_STREAM), second = made(AF_INET, SOCK_STREAM);
        answers("while connected", bind(first, plain(address), sizeof address));
        const int on = 1;
        setsockopt(second, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        answers("with SO_REUSEADDR", bind(second, plain(address), sizeof address));
        close(first);
        close(second);
    });
    scenario(SYS_getsockopt, "what was set, and defaults", [] {
        const int tcp = made(AF_INET, SOCK_STREAM);
        const auto get = [=](int level, int option) {
            int value = -1;
            socklen_t size = sizeof value;
            return getsockopt(tcp, level, option, &value, &size) == 0 ? value : -errno;
        };
        is("SO_TYPE", get(SOL_SOCKET, SO_TYPE));
        is("SO_DOMAIN", get(SOL_SOCKET, SO_DOMAIN));
        is("SO_PROTOCOL", get(SOL_SOCKET, SO_PROTOCOL));
        is("SO_ACCEPTCONN", get(SOL_SOCKET, SO_ACCEPTCONN));
        is("SO_REUSEADDR", get(SOL_SOCKET, SO_REUSEADDR));
        is("SO_KEEPALIVE", get(SOL_SOCKET, SO_KEEPALIVE));
        is("TCP_NODELAY", get(IPPROTO_TCP, TCP_NODELAY));
        for (int option : {SO_REUSEADDR, SO_KEEPALIVE, SO_REUSEPORT, SO_DEBUG, SO_DONTROUTE, SO_NO_CHECK}) {
            const int five = 5;
            needs(setsockopt(tcp, SOL_SOCKET, option, &five, sizeof five));
            is("set to 5", get(SOL_SOCKET, option));
        }
        const int five = 5;
        needs(setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &five, sizeof five));
        is("TCP_NODELAY", get(IPPROTO_TCP, TCP_NODELAY));
        needs(setsockopt(tcp, IPPROTO_TCP, TCP_KEEPIDLE, &five, sizeof five));
        is("TCP_KEEPIDLE", get(IPPROTO_TCP, TCP_KEEPIDLE));
        linger wait{1, 7};
        socklen_t size = sizeof wait;
        needs(setsockopt(tcp, SOL_SOCKET, SO_LINGER, &wait, sizeof wait));
        wait = {};
        getsockopt(tcp, SOL_SOCKET, SO_LINGER, &wait, &size);
        is("SO_LINGER", wait.l_linger);
        needs(listen(tcp, 1));
        is("SO_ACCEPTCONN", get(SOL_SOCKET, SO_ACCEPTCONN));
        close(tcp);
    });
}

int get(int fd, int level, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, option, &value, &size) == 0 ? value : -errno;
}

void set(int fd, int level, int option, int value) { needs(setsockopt(fd, level, option, &value, sizeof value)); }

void say_inherited(int fd) {
    is("SO_KEEPALIVE", get(fd, SOL_SOCKET, SO_KEEPALIVE));
    is("SO_PRIORITY", get(fd, SOL_SOCKET, SO_PRIORITY));
    is("IP_TTL", get(fd, IPPROTO_IP, IP_TTL));
    is("TCP_NODELAY", get(fd, IPPROTO_TCP, TCP_NODELAY));
    is("TCP_CORK", get(fd, IPPROTO_TCP, TCP_CORK));
    is("TCP_QUICKACK", get(fd, IPPROTO_TCP, TCP_QUICKACK));
    is("TCP_USER_TIMEOUT", get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT));
    timeval time{};
    socklen_t size = sizeof time;
    needs(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &size));
    is("SO_RCVTIMEO", time.tv_sec);
}

void inheritance() {
    scenario(SYS_accept, "options of the listener when the connection was made, whenever it is taken", [] {
        const int listener = listening();
        const sockaddr_in address = name_of_socket(listener);
        const int early = made(AF_INET, SOCK_STREAM), late = made(AF_INET, SOCK_STREAM);
        needs(connect(early, plain(address), sizeof address));
        const timeval five_s{5, 0};
        for (const int option : {SO_KEEPALIVE, SO_PRIORITY}) set(listener, SOL_SOCKET, option, 1);
        for (const int option : {TCP_NODELAY, TCP_CORK}) set(listener, IPPROTO_TCP, option, 1);
        set(listener, IPPROTO_TCP, TCP_QUICKACK, 0);
        set(listener, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
        set(listener, IPPROTO_IP, IP_TTL, 9);
        needs(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &five_s, sizeof five_s));
        needs(connect(late, plain(address), sizeof address));
        set(listener, SOL_SOCKET, SO_KEEPALIVE, 0);
        for (const int client : {early, late}) {
            const int accepted = static_cast<int>(needs(accept(listener, nullptr, nullptr)));
            say_inherited(accepted);
            close(accepted);
            close(client);
        }
        close(listener);
    });
}

}  // namespace

int main() {
    connections();
    inheritance();
}
