// SPDX-License-Identifier: Apache-2.0
// Sockets: AF_UNIX and TCP, UDP over the loopback interface. Who waits for whom, what each kind of shutdown means, what
// is cut.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

sockaddr_in loopback(unsigned short port = 0) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

// SAFETY: the kernel's way to take an address of any family.
template <class Address>
const sockaddr* plain(const Address& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}
template <class Address>
sockaddr* plain(Address& address) {
    return reinterpret_cast<sockaddr*>(&address);
}

int made(int family, int type) { return static_cast<int>(needs(socket(family, type, 0))); }

sockaddr_in name_of_socket(int fd) {
    sockaddr_in address = {};
    socklen_t size = sizeof address;
    needs(getsockname(fd, plain(address), &size));
    return address;
}

int listening(int backlog = 8) {
    const int fd = made(AF_INET, SOCK_STREAM);
    const sockaddr_in any = loopback();
    needs(bind(fd, plain(any), sizeof any));
    needs(listen(fd, backlog));
    return fd;
}

// Two connected TCP sockets, or others.
struct Ends {
    int a = -1, b = -1;
    Ends() {
        const int listener = listening();
        const sockaddr_in address = name_of_socket(listener);
        a = made(AF_INET, SOCK_STREAM);
        needs(connect(a, plain(address), sizeof address));
        b = static_cast<int>(needs(accept(listener, nullptr, nullptr)));
        close(listener);
    }
    explicit Ends(int type) {
        int both[2];
        needs(socketpair(AF_UNIX, type, 0, both));
        a = both[0], b = both[1];
    }
    Ends(const Ends&) = delete;
    ~Ends() {
        close(a);
        close(b);
    }
    void close_b() {
        close(b);
        b = -1;
    }
};

// Waits until a change has come through.
void until(int fd, short events) {
    pollfd one{fd, events, 0};
    poll(&one, 1, 5000);
}

void wrong_arguments() {
    const int file = static_cast<int>(needs(open("/dev/null", O_RDWR)));
    const int tcp = made(AF_INET, SOCK_STREAM), udp = made(AF_INET, SOCK_DGRAM), local = made(AF_UNIX, SOCK_STREAM);
    const int listener = listening();
    fcntl(listener, F_SETFL, O_NONBLOCK);
    const sockaddr_in any = loopback(), taken = name_of_socket(listener);
    sockaddr_in elsewhere = loopback(), wrong_family = loopback();
    elsewhere.sin_addr.s_addr = htonl(0x08080808);
    wrong_family.sin_family = 99;
    sockaddr_un missing = {AF_UNIX, "/dev/shm/conformance.missing"}, is_file = {AF_UNIX, "/dev/null"};
    sockaddr_un bad_folder = {AF_UNIX, "/dev/shm/missing/x"};
    int on = 1, size = 4;
    const timeval bad_time{0, 2'000'000};
    msghdr message = {}, too_many = {};
    too_many.msg_iovlen = 1025;
    answer_all({
        {SYS_socket, "an unknown family", 99, SOCK_STREAM, 0},
        {SYS_socket, "an unknown type", AF_INET, 77, 0},
        {SYS_socket, "a protocol of another type", AF_INET, SOCK_STREAM, IPPROTO_UDP},
        {SYS_socket, "AF_UNIX with a protocol", AF_UNIX, SOCK_STREAM, 77},
        {SYS_socket, "AF_UNIX of an unknown type", AF_UNIX, SOCK_RDM, 0},
        {SYS_socket, "an unknown flag", AF_INET, SOCK_STREAM | 0x10000, 0},
        {SYS_socketpair, "AF_INET", AF_INET, SOCK_STREAM, 0, buffer},
        {SYS_socketpair, "a bad place", AF_UNIX, SOCK_STREAM, 0, nowhere},
        {SYS_bind, "a file", file, &any, sizeof any},
        {SYS_bind, "no descriptor", no_fd, &any, sizeof any},
        {SYS_bind, "too short", tcp, &any, 1},
        {SYS_bind, "a bad place", tcp, nowhere, sizeof any},
        {SYS_bind, "a negative size", tcp, &any, -1},
        {SYS_bind, "an address that is taken", tcp, &taken, sizeof taken},
        {SYS_bind, "an address of elsewhere", tcp, &elsewhere, sizeof elsewhere},
        {SYS_bind, "another family", tcp, &wrong_family, sizeof wrong_family},
        {SYS_bind, "what is bound", listener, &any, sizeof any},
        {SYS_bind, "where a file is", local, &is_file, sizeof is_file},
        {SYS_bind, "below nothing", local, &bad_folder, sizeof bad_folder},
        {SYS_listen, "a file", file, 1},
        {SYS_listen, "UDP", udp, 1},
        {SYS_listen, "AF_UNIX without a name", local, 1},
        {SYS_listen, "again", listener, 5},
        {SYS_accept, "without listen", tcp, 0, 0},
        {SYS_accept, "UDP", udp, 0, 0},
        {SYS_accept, "nobody waits", listener, 0, 0},
        {SYS_accept, "a file", file, 0, 0},
        {SYS_accept4, "an unknown flag", listener, 0, 0, 1},
        {SYS_accept4, "no descriptor", no_fd, 0, 0, 0},
        {SYS_connect, "a file", file, &any, sizeof any},
        {SYS_connect, "too short", tcp, &taken, 1},
        {SYS_connect, "another family", tcp, &wrong_family, sizeof wrong_family},
        {SYS_connect, "what is not there", local, &missing, sizeof missing},
        {SYS_connect, "what is no socket", local, &is_file, sizeof is_file},
        {SYS_connect, "a listener", listener, &taken, sizeof taken},
        {SYS_connect, "a bad place", tcp, nowhere, sizeof any},
        {SYS_getsockname, "a file", file, buffer, buffer + 64},
        {SYS_getsockname, "a bad place", tcp, buffer, nowhere},
        {SYS_getsockname, "a negative size", tcp, buffer, "\xff\xff\xff\xff"},
        {SYS_getpeername, "unconnected", tcp, buffer, buffer + 64},
        {SYS_getpeername, "UDP, unconnected", udp, buffer, buffer + 64},
        {SYS_getpeername, "no descriptor", no_fd, buffer, buffer + 64},
        {SYS_getsockopt, "an unknown option", tcp, SOL_SOCKET, 9999, buffer, &size},
        {SYS_getsockopt, "a bad place", tcp, SOL_SOCKET, SO_TYPE, buffer, nowhere},
        {SYS_getsockopt, "a file", file, SOL_SOCKET, SO_TYPE, buffer, &size},
        {SYS_getsockopt, "SO_TYPE", tcp, SOL_SOCKET, SO_TYPE, buffer, &size},
        {SYS_setsockopt, "too short", tcp, SOL_SOCKET, SO_REUSEADDR, &on, 1},
        {SYS_setsockopt, "a bad place", tcp, SOL_SOCKET, SO_REUSEADDR, nowhere, 4},
        {SYS_setsockopt, "an unknown option", tcp, SOL_SOCKET, 9999, &on, 4},
        {SYS_setsockopt, "what is only read", tcp, SOL_SOCKET, SO_TYPE, &on, 4},
        {SYS_setsockopt, "a bad time", tcp, SOL_SOCKET, SO_RCVTIMEO, &bad_time, sizeof bad_time},
        {SYS_setsockopt, "SO_KEEPALIVE", tcp, SOL_SOCKET, SO_KEEPALIVE, &on, 4},
        {SYS_setsockopt, "TCP_NODELAY", tcp, IPPROTO_TCP, TCP_NODELAY, &on, 4},
        {SYS_setsockopt, "a file", file, SOL_SOCKET, SO_REUSEADDR, &on, 4},
        {SYS_shutdown, "unknown", tcp, 9},
        {SYS_shutdown, "a file", file, SHUT_RD},
        {SYS_sendto, "unconnected", tcp, buffer, 1, MSG_NOSIGNAL, 0, 0},
        {SYS_sendto, "UDP to nobody", udp, buffer, 1, 0, 0, 0},
        {SYS_sendto, "a bad buffer", udp, nowhere, 1, 0, &taken, sizeof taken},
        {SYS_sendto, "a datagram that is too long", udp, buffer, 65508, 0, &taken, sizeof taken},
        {SYS_sendto, "a file", file, buffer, 1, 0, 0, 0},
        {SYS_sendto, "MSG_OOB of UDP", udp, buffer, 1, MSG_OOB, &taken, sizeof taken},
        {SYS_recvfrom, "unconnected", tcp, buffer, 1, MSG_DONTWAIT, 0, 0},
        {SYS_recvfrom, "UDP, nothing there", udp, buffer, 1, MSG_DONTWAIT, 0, 0},
        {SYS_recvfrom, "a file", file, buffer, 1, 0, 0, 0},
        {SYS_recvfrom, "AF_UNIX, unconnected", local, buffer, 1, MSG_DONTWAIT, 0, 0},
        {SYS_sendmsg, "a bad place", udp, nowhere, 0},
        {SYS_sendmsg, "too many parts", udp, &too_many, 0},
        {SYS_sendmsg, "unconnected", udp, &message, 0},
        {SYS_recvmsg, "a bad place", udp, nowhere, 0},
        {SYS_recvmsg, "too many parts", udp, &too_many, MSG_DONTWAIT},
        {SYS_recvmsg, "nothing there", udp, &message, MSG_DONTWAIT},
        {SYS_sendmmsg, "none", udp, buffer, 0, 0},
        {SYS_sendmmsg, "a bad place", udp, nowhere, 1, 0},
        {SYS_recvmmsg, "none", udp, buffer, 0, 0, 0},
        {SYS_recvmmsg, "nothing there", udp, buffer, 1, MSG_DONTWAIT, 0},
        {SYS_recvmmsg, "a bad time", udp, buffer, 1, MSG_DONTWAIT, "\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"},
        {SYS_read, "a socket that is not connected", tcp, buffer, 1},
        {SYS_lseek, "a socket", tcp, 0, SEEK_SET},
        {SYS_pread64, "a socket", tcp, buffer, 1, 0},
        {SYS_ftruncate, "a socket", tcp, 0},
        {SYS_fsync, "a socket", tcp},
        {SYS_shutdown, "unconnected", tcp, SHUT_RD},
        {SYS_shutdown, "UDP, unconnected", udp, SHUT_RDWR},
    });
    for (int fd = 3; fd < 12; ++fd) close(fd);
}

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
        holds("waited", time.ms() >= 30);
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

// One byte and a descriptor.
struct DescriptorMessage {
    explicit DescriptorMessage(int descriptor) {
        all.msg_iov = &part;
        all.msg_iovlen = 1;
        all.msg_control = control;
        all.msg_controllen = sizeof control;
        header()->cmsg_level = SOL_SOCKET;
        header()->cmsg_type = SCM_RIGHTS;
        header()->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header()), &descriptor, sizeof descriptor);
    }
    DescriptorMessage(const DescriptorMessage&) = delete;

    [[nodiscard]] cmsghdr* header() { return CMSG_FIRSTHDR(&all); }
    // Of a message that has come.
    [[nodiscard]] int descriptor() {
        int result = -1;
        std::memcpy(&result, CMSG_DATA(header()), sizeof result);
        return result;
    }

    char byte = 'x';
    iovec part{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr all = {};
};

void messages() {
    scenario(SYS_sendmsg, "a descriptor goes along", [] {
        Ends ends(SOCK_STREAM);
        int pipe_ends[2];
        needs(pipe(pipe_ends));
        DescriptorMessage message(pipe_ends[1]);
        answers("sent", sendmsg(ends.a, &message.all, 0));
        close(pipe_ends[1]);
        std::memset(message.control, 0, sizeof message.control);
        answers("received", recvmsg(ends.b, &message.all, MSG_CMSG_CLOEXEC));
        const int got = message.descriptor();
        is("flags", message.all.msg_flags & ~MSG_CMSG_CLOEXEC);
        holds("close on exec", fcntl(got, F_GETFD) == FD_CLOEXEC);
        answers("it works", write(got, "y", 1));
        answers("read", read(pipe_ends[0], buffer, 10));
        close(got);
        close(pipe_ends[0]);
    });
    scenario(SYS_recvmsg, "no room for a descriptor: MSG_CTRUNC", [] {
        Ends ends(SOCK_STREAM);
        DescriptorMessage message(ends.a);
        answers("sent", sendmsg(ends.a, &message.all, 0));
        message.all.msg_control = nullptr;
        message.all.msg_controllen = 0;
        answers("received", recvmsg(ends.b, &message.all, 0));
        holds("MSG_CTRUNC", (message.all.msg_flags & MSG_CTRUNC) != 0);
        DescriptorMessage too_short(ends.a);
        too_short.header()->cmsg_len = 3;
        answers("a header that is too short", sendmsg(ends.a, &too_short.all, 0));
        DescriptorMessage missing(no_fd);
        answers("no descriptor", sendmsg(ends.a, &missing.all, 0));
    });
    scenario(SYS_sendmmsg, "several at once, and received at once", [] {
        Ends ends(SOCK_DGRAM);
        char texts[3][4] = {"a", "bc", "def"};
        iovec parts[3] = {{texts[0], 1}, {texts[1], 2}, {texts[2], 3}};
        mmsghdr all[3] = {};
        for (int i = 0; i < 3; ++i) {
            all[i].msg_hdr.msg_iov = &parts[i];
            all[i].msg_hdr.msg_iovlen = 1;
        }
        answers("sent", sendmmsg(ends.a, all, 3, 0));
        is("length of the last", all[2].msg_len);
        for (iovec& part : parts) part.iov_len = 4;
        answers("received", recvmmsg(ends.b, all, 3, 0, nullptr));
        is("length of the second", all[1].msg_len);
        needs(send(ends.a, "x", 1, 0));
        answers("MSG_WAITFORONE", recvmmsg(ends.b, all, 3, MSG_WAITFORONE, nullptr));
    });
    scenario(SYS_recvmsg, "MSG_TRUNC is told", [] {
        Ends ends(SOCK_DGRAM);
        char byte = 0;
        iovec part{&byte, 1};
        msghdr message = {};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        needs(send(ends.a, "abc", 3, 0));
        answers("received", recvmsg(ends.b, &message, 0));
        holds("MSG_TRUNC", (message.msg_flags & MSG_TRUNC) != 0);
    });
}

void names() {
    scenario(SYS_bind, "AF_UNIX: names in the file system and abstract ones", [] {
        sockaddr_un path = {AF_UNIX, "/dev/shm/conformance.socket"};
        const int listener = made(AF_UNIX, SOCK_STREAM), client = made(AF_UNIX, SOCK_STREAM);
        unlink(path.sun_path);
        answers("bind", bind(listener, plain(path), sizeof path));
        answers("client before listen", connect(client, plain(path), sizeof path));
        answers("listen", listen(listener, 1));
        answers("client", connect(client, plain(path), sizeof path));
        const int second = made(AF_UNIX, SOCK_STREAM);
        answers("taken", bind(second, plain(path), sizeof path));
        close(listener);
        answers("name stays, nobody listens", connect(second, plain(path), sizeof path));
        unlink(path.sun_path);
        sockaddr_un abstract = {};
        abstract.sun_family = AF_UNIX;
        std::memcpy(abstract.sun_path, "\0conformance", 12);
        const socklen_t size = offsetof(sockaddr_un, sun_path) + 12;
        const int named = made(AF_UNIX, SOCK_STREAM), other = made(AF_UNIX, SOCK_STREAM);
        answers("abstract", bind(named, plain(abstract), size));
        answers("taken", bind(other, plain(abstract), size));
        close(named);
        answers("free after the close", bind(other, plain(abstract), size));
        for (int fd : {client, second, other}) close(fd);
    });
    scenario(SYS_listen, "AF_UNIX: a full queue makes clients wait", [] {
        sockaddr_un path = {AF_UNIX, "/dev/shm/conformance.socket"};
        unlink(path.sun_path);
        const int listener = made(AF_UNIX, SOCK_STREAM);
        needs(bind(listener, plain(path), sizeof path));
        needs(listen(listener, 0));
        const int first = made(AF_UNIX, SOCK_STREAM), second = made(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);
        answers("first", connect(first, plain(path), sizeof path));
        answers("second, without waiting", connect(second, plain(path), sizeof path));
        const int third = made(AF_UNIX, SOCK_STREAM);
        Caller waiter([=] { return connect(third, plain(path), sizeof path); });
        waiter.waits();
        close(static_cast<int>(needs(accept(listener, nullptr, nullptr))));
        answers("third", waiter.join());
        for (int fd : {listener, first, second, third}) close(fd);
        unlink(path.sun_path);
    });
}

}  // namespace

int main() {
    wrong_arguments();
    connections();
    a_stream("TCP: a read waits, and gives what there is");
    a_stream("AF_UNIX: a read waits, and gives what there is", SOCK_STREAM);
    resets();
    datagrams();
    messages();
    names();
}
