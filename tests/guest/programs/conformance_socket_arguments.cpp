// SPDX-License-Identifier: Apache-2.0
// Calls on sockets with arguments that are wrong, on what is no socket, or too early.
#include <netinet/tcp.h>
#include <sys/un.h>

#include "tests/guest/socket_ends.hpp"

using namespace conformance;

namespace {

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

}  // namespace

int main() { wrong_arguments(); }
