// SPDX-License-Identifier: Apache-2.0
// UNIX-domain sockets: datagrams, sequenced packets, names, errors.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/unix_ends.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

void sequenced_packets() {
    Pair pair(SOCK_SEQPACKET);
    check_equal(send(pair.a, "first", 5, 0), 5);
    check_equal(send(pair.a, "second", 6, 0), 6);
    char buffer[16];
    iovec piece{buffer, 3};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    check_equal(recvmsg(pair.b, &header, 0), 3);
    check((header.msg_flags & MSG_TRUNC) != 0);
    check_equal(recv(pair.b, buffer, sizeof buffer, MSG_PEEK | MSG_TRUNC), 6);
    check_equal(recv(pair.b, buffer, sizeof buffer, 0), 6);
    pair.close_b();
    check_equal(recv(pair.a, buffer, sizeof buffer, 0), 0);
}

void datagrams() {
    const Name here = abstract_name(unique("here")), there = abstract_name(unique("there"));
    const int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    check_equal(bind(a, here.get(), here.size), 0);
    check_fails(bind(b, here.get(), here.size), EADDRINUSE);
    check_fails(bind(a, there.get(), there.size), EINVAL);
    check_fails(send(b, "x", 1, 0), ENOTCONN);
    check_fails(sendto(b, "x", 1, 0, there.get(), there.size), ECONNREFUSED);
    check_equal(bind(b, there.get(), there.size), 0);
    check_equal(sendto(b, "datagram", 8, 0, here.get(), here.size), 8);
    check_equal(sendto(b, "", 0, 0, here.get(), here.size), 0);
    char buffer[32];
    sockaddr_un from{};
    socklen_t from_size = sizeof from;
    check_equal(recvfrom(a, buffer, 4, MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &from_size), 8);
    check_equal(from_size, there.size);
    check(std::equal(from.sun_path, from.sun_path + 8, there.address.sun_path));
    check_equal(recv(a, buffer, sizeof buffer, 0), 0);
    check_equal(connect(b, here.get(), here.size), 0);
    check_equal(send(b, "connected", 9, 0), 9);
    check_equal(read(a, buffer, sizeof buffer), 9);
    close(a);
    check_fails(send(b, "x", 1, 0), ECONNREFUSED);
    const std::vector<char> huge(1 << 20);
    const int c = socket(AF_UNIX, SOCK_DGRAM, 0);
    check_equal(bind(c, here.get(), here.size), 0);
    check_fails(sendto(b, huge.data(), huge.size(), 0, here.get(), here.size), EMSGSIZE);
    close(b);
    close(c);
}

void automatic_names() {
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    check_equal(bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(sa_family_t)), 0);
    socklen_t size = sizeof name;
    check_equal(getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size), 0);
    check_equal(size, sizeof(sa_family_t) + 6);
    check_equal(name.sun_path[0], 0);
    close(fd);
}

void listening() {
    const Name name = path_name("/tmp/" + unique("listener"));
    unlink(name.address.sun_path);
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    check_fails(listen(listener, 1), EINVAL);
    check_equal(bind(listener, name.get(), name.size), 0);
    struct stat status {};
    check_equal(stat(name.address.sun_path, &status), 0);
    check(S_ISSOCK(status.st_mode));
    check_fails(open(name.address.sun_path, O_RDWR), ENXIO);
    const int early = socket(AF_UNIX, SOCK_STREAM, 0);
    check_equal(events_of(early), POLLOUT | POLLHUP);
    char byte = 0;
    check_fails(recv(early, &byte, 1, 0), EINVAL);
    check_fails(send(early, &byte, 1, MSG_NOSIGNAL), ENOTCONN);
    check_fails(connect(early, name.get(), name.size), ECONNREFUSED);
    check_equal(listen(listener, 0), 0);
    check_equal(events_of(listener), 0);
    int is_listening = 0;
    socklen_t option_size = sizeof is_listening;
    check_equal(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &option_size), 0);
    check_equal(is_listening, 1);
    check_fails(accept4(listener, nullptr, nullptr, 0x1234'0000), EINVAL);
    check_equal(connect(early, name.get(), name.size), 0);
    check_equal(events_of(listener), POLLIN);
    const int second = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check_fails(connect(second, name.get(), name.size), EAGAIN);  // the backlog is full
    check_equal(write(early, "early", 5), 5);
    sockaddr_un peer{};
    socklen_t peer_size = sizeof peer;
    const int served = accept4(listener, reinterpret_cast<sockaddr*>(&peer), &peer_size, SOCK_NONBLOCK);
    check(served >= 0);
    check_equal(peer_size, sizeof(sa_family_t));
    check_fails(connect(early, name.get(), name.size), EISCONN);
    check_equal(fcntl(served, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    char buffer[8];
    check_equal(read(served, buffer, sizeof buffer), 5);
    check_fails(read(served, buffer, sizeof buffer), EAGAIN);
    peer_size = sizeof peer;
    check_equal(getpeername(early, reinterpret_cast<sockaddr*>(&peer), &peer_size), 0);
    check(std::string(peer.sun_path) == name.address.sun_path);
    ucred credentials{};
    option_size = sizeof credentials;
    check_equal(getsockopt(early, SOL_SOCKET, SO_PEERCRED, &credentials, &option_size), 0);
    check_equal(credentials.pid, getpid());
    std::thread late([&] {
        std::this_thread::sleep_for(10ms);
        const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        check_equal(connect(fd, name.get(), name.size), 0);
        close(fd);
    });
    const int accepted = accept(listener, nullptr, nullptr);
    check(accepted >= 0);
    check_equal(read(accepted, buffer, sizeof buffer), 0);
    late.join();
    check_equal(connect(second, name.get(), name.size), 0);
    close(listener);  // what was not accepted is reset
    check_fails(read(second, buffer, 1), ECONNRESET);
    check_fails(bind(second, name.get(), name.size), EADDRINUSE);
    unlink(name.address.sun_path);
    check_fails(connect(second, name.get(), name.size), ENOENT);
    for (const int fd : {early, second, served, accepted}) close(fd);
}

void errors() {
    check_fails(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    check_fails(socket(AF_UNIX, SOCK_STREAM, 77), EPROTONOSUPPORT);
    check_fails(socket(12345, SOCK_STREAM, 0), EAFNOSUPPORT);
    int ends[2];
    check_equal(pipe(ends), 0);
    char byte = 0;
    check_fails(send(ends[1], &byte, 1, 0), ENOTSOCK);
    check_fails(listen(ends[0], 1), ENOTSOCK);
    check_fails(recv(-1, &byte, 1, 0), EBADF);
    close(ends[0]);
    close(ends[1]);
    const Pair pair(SOCK_STREAM);
    check_fails(lseek(pair.a, 0, SEEK_CUR), ESPIPE);
    check_fails(shutdown(pair.a, 7), EINVAL);
    check_fails(accept(pair.a, nullptr, nullptr), EINVAL);
    int value = 1;
    check_fails(setsockopt(pair.a, SOL_SOCKET, 9999, &value, sizeof value), ENOPROTOOPT);
    check_fails(setsockopt(pair.a, SOL_SOCKET, SO_SNDBUF, &value, 2), EINVAL);
    int type = 0;
    socklen_t size = sizeof type;
    check_equal(getsockopt(pair.a, SOL_SOCKET, SO_TYPE, &type, &size), 0);
    check_equal(type, SOCK_STREAM);
}

}  // namespace

int main() {
    sequenced_packets();
    passed("sequenced packets");
    datagrams();
    passed("datagrams and abstract names");
    automatic_names();
    passed("automatic names");
    listening();
    passed("listen, connect, accept");
    errors();
    passed("errors");
}
